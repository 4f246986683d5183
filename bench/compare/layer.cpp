// SPDX-License-Identifier: Apache-2.0
#include "layer.hpp"

#include <pst/pst.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace compare {

namespace {

using Pst = pst::SparseLinear<>::with<pst::ConstantSchedule>;
using AtRest = Pst::with<pst::ScoreRestAfter>::with<pst::RefreshUntil>;
using DenseAtRest = AtRest::with<pst::DenseGradient>;
using Unpruned = Pst::with<pst::Magnitude>::with<pst::MaskedGradient>::with<pst::RefreshUntil>;
using WithoutLearner = Pst::with<pst::Magnitude>::with<pst::Frozen>::with<pst::TrainedBias>::with<pst::RefreshUntil>;
using Compressed = Pst::with<pst::Magnitude>::with<pst::Frozen>;

template <class L>
class LayerOf final : public Layer {
 public:
  LayerOf(const EigenMatrix& weight, typename L::Options options, int threads)
      : bias_(static_cast<std::size_t>(weight.rows())),
        layer_{{.in = weight.cols(), .out = weight.rows()}, std::move(options), pst::EigenCpu{threads}} {
    attach(bench::view(weight));
  }
  /// A layer that keeps the weight itself, column-major.
  LayerOf(const Eigen::MatrixXf& weight, typename L::Options options, int threads)
      : bias_(static_cast<std::size_t>(weight.rows())),
        columns_{weight},
        layer_{{.in = weight.cols(), .out = weight.rows()}, std::move(options), pst::EigenCpu{threads}} {
    attach({columns_.data(), columns_.rows(), columns_.cols(), 1, columns_.rows()});
  }

  void nudge() override { bench::nudge(layer_, ++nudges_); }
  void begin_step() override { layer_.begin_step(1, 1); }
  void forward(Activations& at) override { layer_.forward(view(at.x), bench::view(at.y)); }
  void backward(Activations& at) override { layer_.backward(view(at.x), view(at.grad_y), bench::view(at.grad_x)); }
  [[nodiscard]] index_t trainable() override { return layer_.report().trainable; }
  [[nodiscard]] std::size_t held_bytes() override {
    const pst::MaskReport report = layer_.report();
    return report.training_bytes + report.scratch_bytes;
  }

 private:
  void attach(typename L::WeightView weight) {
    layer_.attach(weight, {bias_.data(), 1, weight.rows});
    bench::leave_zero(layer_);
    layer_.begin_step(1, 1);
  }
  static pst::MatrixView<const float> view(const EigenMatrix& matrix) { return bench::view(matrix); }

  std::vector<float> bias_;
  Eigen::MatrixXf columns_;
  L layer_;
  std::uint64_t nudges_ = 0;
};

}  // namespace

int all_threads() { return pst::EigenCpu{}.threads(); }

std::unique_ptr<Layer> exact_layer(const EigenMatrix& weight, double sparsity, int threads) {
  return std::make_unique<LayerOf<Pst>>(weight, Pst::Options{.schedule = {sparsity}}, threads);
}

std::unique_ptr<Layer> column_major_layer(const EigenMatrix& weight, double sparsity, int threads) {
  return std::make_unique<LayerOf<Pst>>(Eigen::MatrixXf{weight}, Pst::Options{.schedule = {sparsity}}, threads);
}

std::unique_ptr<Layer> layer_at_rest(const EigenMatrix& weight, double sparsity, int threads) {
  return std::make_unique<LayerOf<AtRest>>(
      weight, AtRest::Options{.schedule = {sparsity}, .score_gradient = {0.0}, .refresh = {0.0}}, threads);
}

std::unique_ptr<Layer> dense_gradient_at_rest(const EigenMatrix& weight, double sparsity, int threads) {
  return std::make_unique<LayerOf<DenseAtRest>>(
      weight, DenseAtRest::Options{.schedule = {sparsity}, .score_gradient = {0.0}, .refresh = {0.0}}, threads);
}

std::unique_ptr<Layer> unpruned_layer(const EigenMatrix& weight, int threads) {
  return std::make_unique<LayerOf<Unpruned>>(weight, Unpruned::Options{.schedule = {0.0}, .refresh = {0.0}}, threads);
}

std::unique_ptr<Layer> layer_without_learner(const EigenMatrix& weight, double sparsity, int threads) {
  return std::make_unique<LayerOf<WithoutLearner>>(
      weight, WithoutLearner::Options{.schedule = {sparsity}, .refresh = {0.0}}, threads);
}

std::unique_ptr<Layer> compressed_layer(const EigenMatrix& weight, double sparsity, int threads) {
  return std::make_unique<LayerOf<Compressed>>(
      weight, Compressed::Options{.schedule = {sparsity}, .dense_above_density = 1.0}, threads);
}

std::function<void(Activations&)> sparse_matrix(const EigenMatrix& weight, double sparsity, int threads) {
  Pst layer{{.in = weight.cols(), .out = weight.rows()}, {.schedule = {sparsity}}, pst::EigenCpu{threads}};
  layer.attach(bench::view(weight));
  bench::leave_zero(layer);
  layer.begin_step(1, 1);
  const auto matrix = std::make_shared<pst::SparseMatrix<>>(layer.export_csr(), "", pst::EigenCpu{threads});
  return [matrix](Activations& at) { matrix->product(bench::view(std::as_const(at.x)), bench::view(at.y)); };
}

}  // namespace compare

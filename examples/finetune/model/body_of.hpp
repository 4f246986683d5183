// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>

#include <type_traits>
#include <utility>
#include <vector>

#include "finetune/model/body.hpp"

namespace finetune {

/// A linear layer whose type is known here alone. Include this only where a body is made: it compiles the layer.
template <class Linear>
class LinearLayerOf final : public LinearLayer {
 public:
  explicit LinearLayerOf(transformer::Projection<Linear>& projection) : projection_{projection} {}

  [[nodiscard]] const std::string& name() const override { return projection_.name; }
  [[nodiscard]] Matrix& weight() override { return projection_.weight; }
  [[nodiscard]] Matrix& bias() override { return projection_.bias; }
  void for_each_parameter(const std::function<void(const pst::Parameter<float>&)>& visit) override {
    projection_.layer.for_each_parameter(visit);
  }
  void export_weight(Matrix& out) override {
    out.resizeLike(projection_.weight);
    if constexpr (is_sparse)
      projection_.layer.export_masked(transformer::view(out));
    else
      out = projection_.weight;
  }
  [[nodiscard]] index_t kept() override {
    if constexpr (is_sparse)
      return projection_.layer.kept();
    else
      return projection_.weight.size();
  }
  [[nodiscard]] std::optional<pst::MaskReport> report() override {
    if constexpr (is_sparse)
      return projection_.layer.report();
    else
      return std::nullopt;
  }
  [[nodiscard]] pst::TensorList save() override {
    if constexpr (is_sparse) {
      return projection_.layer.save();
    } else {
      pst::TensorList list;
      for (const auto& [name, matrix] : {std::pair{"weight", &projection_.weight}, {"bias", &projection_.bias}})
        list.push_back(pst::Tensor::from<float>(name, {matrix->rows(), matrix->cols()},
                                                {matrix->data(), static_cast<std::size_t>(matrix->size())}));
      return list;
    }
  }
  void restore(const pst::TensorList& state) override {
    if constexpr (is_sparse) {
      projection_.layer.restore(state);
    } else {
      for (const auto& [name, matrix] : {std::pair{"weight", &projection_.weight}, {"bias", &projection_.bias}}) {
        const std::vector<float> values = pst::find(state, name).template values<float>();
        pst::require(static_cast<index_t>(values.size()) == matrix->size(), projection_.name, ": tensor ", name,
                     " has ", values.size(), " elements, expected ", matrix->size());
        std::copy(values.begin(), values.end(), matrix->data());
      }
    }
  }

 private:
  static constexpr bool is_sparse = requires(Linear & layer) { layer.kept(); };
  transformer::Projection<Linear>& projection_;
};

/// The blocks of a model with linear layers of type `Linear`.
template <class Linear>
class BodyOf final : public Body {
 public:
  BodyOf(const BodyShape& shape, typename Linear::Options options)
      : encoder_{shape.config, std::move(options), shape.names} {
    encoder_.for_each_projection([this](auto& projection) { layers_.emplace_back(projection); });
  }
  BodyOf(const BodyOf&) = delete;

  [[nodiscard]] const transformer::EncoderConfig& config() const override { return encoder_.config; }
  void attach() override { encoder_.attach(); }
  void begin_step(double step, double steps) override {
    encoder_.for_each_projection([&](auto& projection) {
      if constexpr (requires { projection.layer.begin_step(step, steps); })
        projection.layer.begin_step(step, steps);
      else
        projection.layer.begin_step(step / steps);
    });
  }
  void forward(const Matrix& x, transformer::Sequences sequences, Matrix& y) override {
    encoder_.forward(x, sequences, tape_, y);
  }
  void extend(const Matrix& x, std::span<const index_t> rows, Cache& cache, Matrix& y) override {
    encoder_.extend(x, rows, cache, tape_, y);
  }
  void backward(transformer::Sequences sequences, const Matrix& grad_y, Matrix& grad_x) override {
    encoder_.backward(sequences, tape_, grad_y, grad_x);
  }
  void for_each_layer(const std::function<void(LinearLayer&)>& visit) override {
    for (LinearLayerOf<Linear>& layer : layers_) visit(layer);
  }
  void for_each_norm(const std::function<void(Norm&)>& visit) override { encoder_.for_each_norm(visit); }
  /// For selectors that rank all layers together, and whatever else needs the type.
  [[nodiscard]] transformer::Encoder<Linear>& encoder() noexcept { return encoder_; }

 private:
  transformer::Encoder<Linear> encoder_;
  typename transformer::Encoder<Linear>::Tape tape_;
  std::vector<LinearLayerOf<Linear>> layers_;
};

/// A body of linear layers with these options, each with its own name and seed.
template <class Linear>
[[nodiscard]] std::unique_ptr<Body> make_body(const BodyShape& shape, typename Linear::Options options) {
  return std::make_unique<BodyOf<Linear>>(shape, std::move(options));
}

}  // namespace finetune

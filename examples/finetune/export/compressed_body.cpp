// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/compressed_body.hpp"

#include <pst/core/error.hpp>
#include <pst/pst.hpp>

#include <map>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "finetune/export/base_folder.hpp"

namespace finetune {

namespace {

using pst::io::ElementType;

/// y = x W^T + b with a weight that it owns, compressed.
class CompressedLinear {
 public:
  using scalar = float;
  static constexpr bool owns_weight = true;
  struct Options {
    std::uint64_t seed = 1;
    std::string name = "linear";
  };

  CompressedLinear(pst::Shape shape, Options options) : shape_{shape}, name_{std::move(options.name)} {}

  template <class Source>
  void set(const Source& weight, pst::Shape shape, ElementType type) {
    pst::require(shape == shape_, name_, ": the weight is ", shape.out, " x ", shape.in, ", the layer expects ",
                 shape_.out, " x ", shape_.in);
    switch (type) {
      case ElementType::f32: weight_.emplace<pst::SparseMatrix<float>>(weight, name_); return;
      case ElementType::f16: weight_.emplace<pst::SparseMatrix<float, pst::Half>>(weight, name_); return;
      case ElementType::bf16: weight_.emplace<pst::SparseMatrix<float, pst::BFloat16>>(weight, name_); return;
      default: pst::fail(name_, ": weights are stored as F32, F16 or BF16, not as ", pst::io::name_of(type));
    }
  }
  /// Borrows the bias.
  void attach(pst::MatrixView<const float>, pst::MatrixView<const float> bias) {
    pst::require(weight_.index() != 0, name_, ": has no weight, set it before the body is attached");
    bias_ = bias;
  }
  void begin_step(double) {}
  void forward(pst::MatrixView<const float> x, pst::MatrixView<float> y) const {
    ask([&](const auto& weight) { weight.product(x, y, bias_); });
  }
  void backward(pst::MatrixView<const float>, pst::MatrixView<const float>, pst::MatrixView<float>) {
    pst::fail(name_, ": a compressed weight does not train, load the model itself to train it");
  }
  template <class Visit>
  void for_each_parameter(Visit&&) {}

  void to_dense(pst::MatrixView<float> out) const {
    ask([&](const auto& weight) { weight.to_dense(out); });
  }
  [[nodiscard]] pst::Shape shape() const noexcept { return shape_; }
  [[nodiscard]] index_t kept() const {
    index_t count = 0;
    ask([&](const auto& weight) { count = weight.kept(); });
    return count;
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t count = 0;
    ask([&](const auto& weight) { count = weight.bytes(); });
    return count;
  }

 private:
  template <class Ask>
  void ask(Ask&& question) const {
    std::visit(
        [&](const auto& weight) {
          if constexpr (requires { weight.kept(); })
            question(weight);
          else
            pst::fail(name_, ": has no weight");
        },
        weight_);
  }

  pst::Shape shape_;
  std::string name_;
  std::variant<std::monostate, pst::SparseMatrix<float>, pst::SparseMatrix<float, pst::Half>,
               pst::SparseMatrix<float, pst::BFloat16>>
      weight_;
  pst::MatrixView<const float> bias_{};
};

class CompressedLayerOf final : public CompressedLayer {
 public:
  explicit CompressedLayerOf(transformer::Projection<CompressedLinear>& projection) : projection_{projection} {}

  void set(const pst::BitmaskMatrix<float>& weight, ElementType type) override {
    projection_.layer.set(weight, {.in = weight.cols, .out = weight.rows}, type);
  }
  void set(const Matrix& weight, ElementType type) override {
    projection_.layer.set(transformer::view(weight), {.in = weight.cols(), .out = weight.rows()}, type);
  }
  [[nodiscard]] pst::Shape shape() const override { return projection_.layer.shape(); }
  [[nodiscard]] std::size_t bytes() const override { return projection_.layer.bytes(); }
  [[nodiscard]] const std::string& name() const override { return projection_.name; }
  [[nodiscard]] Matrix& weight() override { return projection_.weight; }
  [[nodiscard]] Matrix& bias() override { return projection_.bias; }
  void for_each_parameter(const std::function<void(const pst::Parameter<float>&)>&) override {}
  void export_weight(Matrix& out) override {
    out.resize(projection_.layer.shape().out, projection_.layer.shape().in);
    projection_.layer.to_dense(transformer::view(out));
  }
  [[nodiscard]] index_t kept() override { return projection_.layer.kept(); }
  [[nodiscard]] std::optional<pst::MaskReport> report() override { return std::nullopt; }
  [[nodiscard]] pst::TensorList save() override { pst::fail(name(), ": a compressed weight has no training state"); }
  void restore(const pst::TensorList&) override { static_cast<void>(save()); }

 private:
  transformer::Projection<CompressedLinear>& projection_;
};

class CompressedBody final : public Body {
 public:
  explicit CompressedBody(const BodyShape& shape) : encoder_{shape.config, {}, shape.names} {
    encoder_.for_each_projection([this](auto& projection) { layers_.emplace_back(projection); });
  }
  CompressedBody(const CompressedBody&) = delete;

  [[nodiscard]] const transformer::EncoderConfig& config() const override { return encoder_.config; }
  void attach() override { encoder_.attach(); }
  void begin_step(double, double) override {}
  void forward(const Matrix& x, transformer::Sequences sequences, Matrix& y) override {
    encoder_.forward(x, sequences, tape_, y);
  }
  void extend(const Matrix& x, std::span<const index_t> rows, Cache& cache, Matrix& y) override {
    encoder_.extend(x, rows, cache, tape_, y);
  }
  void backward(transformer::Sequences, const Matrix&, Matrix&) override {
    pst::fail("a model with compressed weights does not train, load the model itself to train it");
  }
  void for_each_layer(const std::function<void(LinearLayer&)>& visit) override {
    for (CompressedLayerOf& layer : layers_) visit(layer);
  }
  void for_each_norm(const std::function<void(Norm&)>& visit) override { encoder_.for_each_norm(visit); }

 private:
  transformer::Encoder<CompressedLinear> encoder_;
  transformer::Encoder<CompressedLinear>::Tape tape_;
  std::vector<CompressedLayerOf> layers_;
};

/// A model with a body of another kind and everything but the linear weights, which `take` is shown.
std::unique_ptr<Model> rebuilt(Model& model, const MakeBody& make_body,
                               const std::function<void(const Matrix& weight, LinearLayer& layer)>& take) {
  auto made =
      make_model(model.config(), make_body({model.body().config(), encoder_names(model.config().architecture)}), false);
  const auto from = plain_tensors(model), to = plain_tensors(*made);
  for (const auto& [name, value] : to) *value = *from.at(name);
  std::map<std::string, LinearLayer*> layers;
  made->body().for_each_layer([&](LinearLayer& layer) { layers[layer.name()] = &layer; });
  Matrix weight;
  model.body().for_each_layer([&](LinearLayer& layer) {
    layer.export_weight(weight);
    take(weight, *layers.at(layer.name()));
  });
  made->attach();
  made->begin_step(1.0);
  return made;
}

}  // namespace

std::unique_ptr<Body> make_compressed_body(const BodyShape& shape) { return std::make_unique<CompressedBody>(shape); }

void for_each_compressed_layer(Model& model, const std::function<void(CompressedLayer&)>& visit) {
  model.body().for_each_layer([&](LinearLayer& layer) {
    auto* const own = dynamic_cast<CompressedLayer*>(&layer);
    pst::require(own != nullptr, layer.name(), ": is not a compressed layer");
    visit(*own);
  });
}

std::unique_ptr<Model> compressed(Model& model, ElementType type) {
  return rebuilt(model, make_compressed_body, [type](const Matrix& weight, LinearLayer& layer) {
    dynamic_cast<CompressedLayer&>(layer).set(weight, type);
  });
}

std::unique_ptr<Model> densified(Model& model) {
  return rebuilt(model, make_dense_body, [](const Matrix& weight, LinearLayer& layer) { layer.weight() = weight; });
}

std::size_t layer_bytes(Model& model) {
  std::size_t bytes = 0;
  model.body().for_each_layer([&](LinearLayer& layer) {
    const auto* const own = dynamic_cast<const CompressedLayer*>(&layer);
    bytes += own != nullptr ? own->bytes() : static_cast<std::size_t>(layer.weight().size()) * sizeof(float);
  });
  return bytes;
}

}  // namespace finetune

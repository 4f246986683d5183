// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/plain_linear.hpp>
#include <pst/io/element_type.hpp>
#include <pst/pst.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "finetune/model/layer.hpp"
#include "finetune/model/model.hpp"

namespace finetune {

/// y = x W^T + b with a weight that it owns, compressed: to ask and not to train.
class CompressedLinear final : public pst::PlainLinear<float> {
 public:
  CompressedLinear(std::string name, pst::Shape shape) : name_{std::move(name)}, shape_{shape} {}

  /// Takes the numbers of a weight that are not zero, stored as `type`: F32, F16 or BF16. Throws pst::Error on what is
  /// not a weight of this layer, and on numbers that are not finite.
  void set(const pst::BitmaskMatrix<float>& weight, pst::io::ElementType type);
  /// The same from a dense weight.
  void set(const Matrix& weight, pst::io::ElementType type);
  [[nodiscard]] std::size_t bytes() const;

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] pst::Shape shape() const override { return shape_; }
  /// Borrows the bias alone; the weight must be set before.
  void attach(pst::LentWeight<float> weight, pst::LentBias<float> bias) override;
  [[nodiscard]] const pst::ParameterLayout& layout() const override { return layout_; }
  void bind(MutableView, MutableView, pst::BoundRun) override {}
  void zero_gradients() override {}
  void forward(ConstView x, MutableView y) override;
  void backward(ConstView, ConstView, MutableView, pst::Gradients) override;
  void for_each_parameter(ParameterVisitor) override {}
  [[nodiscard]] pst::index_t kept() const override;
  void export_masked(MutableView out) override;
  [[nodiscard]] pst::TensorList save() override;
  void check_state(const pst::TensorList&) override { static_cast<void>(save()); }
  void restore(const pst::TensorList& state) override { check_state(state); }

 private:
  template <class Source>
  void put(const Source& weight, pst::Shape shape, pst::io::ElementType type);
  template <class Ask>
  void ask(Ask&& question) const;

  std::string name_;
  pst::Shape shape_;
  pst::ParameterLayout layout_;  // nothing trains
  std::variant<std::monostate, pst::SparseMatrix<float>, pst::SparseMatrix<float, pst::Half>,
               pst::SparseMatrix<float, pst::BFloat16>>
      weight_;
  ConstView bias_{};
};

/// Layers with compressed weights. Every one must be set before it is attached; `weight` of a layer is empty.
[[nodiscard]] MakeLayer compressed_layers();

/// A layer that `compressed_layers` made; throws pst::Error when it is another.
[[nodiscard]] CompressedLinear& compressed_layer(Layer& layer);

/// Calls `visit` with every layer of a model with compressed layers.
void for_each_compressed_layer(Model& model, const std::function<void(CompressedLinear&)>& visit);

/// The same model with compressed weights, but for those that are less than half zeros: dense products are as fast
/// there, and take no more memory.
[[nodiscard]] std::unique_ptr<Model> compressed(Model& model);

/// The same model with dense weights, zeros and all.
[[nodiscard]] std::unique_ptr<Model> densified(Model& model);

/// What the weights of the linear layers take in memory.
[[nodiscard]] std::size_t layer_bytes(Model& model);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "pst/any/linear_interface.hpp"

namespace pst::PST_ABI::detail {

/// What every layer type of the library does alike behind `Base`, a LinearInterface: it passes the call on.
template <class Layer, class Base>
class LayerBehind : public Base {
  using Interface = LinearInterface<typename Layer::scalar>;

 public:
  using typename Interface::ConstView;
  using typename Interface::MutableView;
  using typename Interface::ParameterVisitor;

  explicit LayerBehind(Layer layer) : layer_{std::move(layer)} {}

  [[nodiscard]] const std::string& name() const override { return layer_.options().name; }
  [[nodiscard]] Shape shape() const override { return layer_.shape(); }
  [[nodiscard]] const ParameterLayout& layout() const override { return layer_.layout(); }
  void bind(MutableView parameters, MutableView gradients, BoundRun holds) override {
    layer_.bind(parameters, gradients, holds);
  }
  void zero_gradients() override { layer_.zero_gradients(); }
  void forward(ConstView x, MutableView y) override { layer_.forward(x, y); }
  void backward(ConstView x, ConstView grad_y, MutableView grad_x, Gradients write) override {
    layer_.backward(x, grad_y, grad_x, write);
  }
  void for_each_parameter(ParameterVisitor visit) override { layer_.for_each_parameter(visit); }

  [[nodiscard]] double sparsity() const override { return layer_.sparsity(); }
  [[nodiscard]] index_t kept() const override { return layer_.kept(); }
  [[nodiscard]] MaskView<const mask_word> mask() const override { return layer_.mask(); }
  [[nodiscard]] std::uint64_t generation() const override { return layer_.generation(); }
  [[nodiscard]] MaskReport report() override { return layer_.report(); }
  void export_masked(MutableView out) override { layer_.export_masked(out); }
  [[nodiscard]] TensorList save() override { return layer_.save(); }
  void check_state(const TensorList& state) override { layer_.check_state(state); }
  void restore(const TensorList& state) override { layer_.restore(state); }

 protected:
  Layer layer_;
};

}  // namespace pst::PST_ABI::detail

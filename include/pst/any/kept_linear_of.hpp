// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "pst/any/plain_linear.hpp"
#include "pst/any/shared_cpu.hpp"
#include "pst/core/error.hpp"

namespace pst::PST_ABI {

/// A KeptLinear of type `Layer` behind LinearInterface.
/// @ingroup any
template <class Layer>
class KeptLinearOf final : public PlainLinear<typename Layer::scalar> {
  using Scalar = typename Layer::scalar;
  using Interface = LinearInterface<Scalar>;

 public:
  using typename Interface::ConstView;
  using typename Interface::MutableView;
  using typename Interface::ParameterVisitor;

  explicit KeptLinearOf(Layer layer) : layer_{std::move(layer)} {}

  /// The bias as the layer borrows it: null where it trains and must not change.
  [[nodiscard]] static typename Layer::BiasView bias_of(LentBias<Scalar> bias) {
    if constexpr (std::is_same_v<typename Layer::BiasView, MutableView>)
      return bias.variable();
    else
      return bias.constant();
  }
  [[nodiscard]] const std::string& name() const override { return layer_.options().name; }
  [[nodiscard]] Shape shape() const override { return layer_.shape(); }
  /// The weight is the layer's own: only the bias moves.
  void attach(LentWeight<Scalar>, LentBias<Scalar> bias) override { layer_.attach_bias(bias_of(bias)); }
  [[nodiscard]] const ParameterLayout& layout() const override { return layer_.layout(); }
  void bind(MutableView parameters, MutableView gradients, BoundRun holds) override {
    layer_.bind(parameters, gradients, holds);
  }
  void zero_gradients() override { layer_.zero_gradients(); }
  void refresh(double) override { layer_.refresh(); }
  void begin_step(index_t, index_t) override { layer_.begin_step(); }
  /// What a step refuses is refused before another layer takes its own.
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_step(index_t step, index_t steps) override {
    layer_.check_parameters();
    return PlainLinear<Scalar>::prepare_step(step, steps);
  }
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_refresh(double progress) override {
    layer_.check_parameters();
    return PlainLinear<Scalar>::prepare_refresh(progress);
  }
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

 private:
  Layer layer_;
};

}  // namespace pst::PST_ABI

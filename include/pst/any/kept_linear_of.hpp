// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "pst/any/layer_behind.hpp"
#include "pst/any/plain_linear.hpp"
#include "pst/any/shared_cpu.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/error.hpp"

namespace pst::PST_ABI {

/// A KeptLinear or ChangedLinear of type `Layer` behind LinearInterface.
/// @ingroup any
template <class Layer>
class KeptLinearOf final : public detail::LayerBehind<Layer, PlainLinear<typename Layer::scalar>> {
  using Behind = detail::LayerBehind<Layer, PlainLinear<typename Layer::scalar>>;
  using Scalar = typename Layer::scalar;
  using Interface = LinearInterface<Scalar>;

 public:
  using typename Interface::ConstView;
  using typename Interface::MutableView;

  using Behind::Behind;

  /// The bias as the layer borrows it: null where it trains and must not change.
  [[nodiscard]] static typename Layer::BiasView bias_of(LentBias<Scalar> bias) {
    if constexpr (std::is_same_v<typename Layer::BiasView, MutableView>)
      return bias.variable();
    else
      return bias.constant();
  }
  /// Where the weight is the layer's own, only the bias moves.
  void attach(LentWeight<Scalar> weight, LentBias<Scalar> bias) override {
    if constexpr (requires { typename Layer::WeightView; })
      weight.visit([&]<class T>(StridedView<T> view) {
        if constexpr (std::is_convertible_v<StridedView<T>, typename Layer::WeightView>)
          this->layer_.attach(view, bias_of(bias));
        else
          fail("layer ", this->name(),
               ": the weight consists of other numbers than when the layer was made, expected "
               "the same");
      });
    else
      layer_.attach_bias(bias_of(bias));
  }
  void refresh(double progress) override {
    detail::check_progress("layer " + this->name(), progress);
    layer_.refresh();
  }
  void begin_step(index_t step, index_t steps) override {
    detail::check_step("layer " + this->name(), static_cast<double>(step), static_cast<double>(steps));
    layer_.begin_step();
  }
  /// What a step refuses is refused before another layer takes its own.
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_step(index_t step, index_t steps) override {
    layer_.check_parameters();
    return PlainLinear<Scalar>::prepare_step(step, steps);
  }
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_refresh(double progress) override {
    layer_.check_parameters();
    return PlainLinear<Scalar>::prepare_refresh(progress);
  }

 private:
  using Behind::layer_;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/any/layer_behind.hpp"
#include "pst/any/linear_interface.hpp"
#include "pst/any/shared_cpu.hpp"
#include "pst/core/error.hpp"
#include "pst/layer/together.hpp"

namespace pst::PST_ABI {

namespace detail {

/// What numbers of a weight are called in messages.
template <class Number>
[[nodiscard]] constexpr const char* name_of_number() noexcept {
  if constexpr (std::same_as<Number, float>) return "float";
  if constexpr (std::same_as<Number, double>) return "double";
  if constexpr (std::same_as<Number, BFloat16>) return "bfloat16";
  if constexpr (std::same_as<Number, Half>) return "float16";
}

/// A step of a layer whose budget is that of others with the same scalar, backend and kind of selector.
template <class Scalar, class Backend, class SelectorState>
class BudgetedStep : public PendingStep<Scalar> {
 public:
  [[nodiscard]] virtual bool lacks_mask() const = 0;
  [[nodiscard]] virtual bool moves_mask() const = 0;
  [[nodiscard]] virtual double sparsity() const = 0;
  virtual void settle(bool moves_mask, double sparsity) = 0;
  virtual void open() = 0;
  virtual void ranking_pass() = 0;
  [[nodiscard]] virtual SelectorState& selector() = 0;
  [[nodiscard]] virtual Backend& on() = 0;
};

/// A step of a layer of type `Layer`.
template <class Layer>
class StepOf final
    : public BudgetedStep<typename Layer::scalar, typename Layer::backend, typename Layer::selector_state> {
  using Scalar = typename Layer::scalar;
  using SelectorState = typename Layer::selector_state;
  using Budgeted = BudgetedStep<Scalar, typename Layer::backend, SelectorState>;

 public:
  template <class... When>
  explicit StepOf(Layer& layer, When... when) : layer_{layer}, step_{layer, when...} {}

  [[nodiscard]] bool shares_budget() const override {
    if constexpr (requires { layer_.options().selector.shares_budget; })
      return layer_.options().selector.shares_budget;
    else
      return false;
  }
  void rank(std::span<PendingStep<Scalar>* const> others) override {
    if (others.empty()) {
      step_.open();
      return step_.rank();
    }
    if constexpr (requires { &SelectorState::begin_together; }) {
      std::vector<Budgeted*> steps;
      for (PendingStep<Scalar>* const other : others) {
        steps.push_back(dynamic_cast<Budgeted*>(other));
        require(steps.back() != nullptr, "layers with one budget have one scalar type, backend and selector type");
      }
      rank_together<SelectorState>(std::span<Budgeted* const>{steps});
    } else {
      fail("this layer's selector has no budget that it could share");
    }
  }
  void take() override { step_.take(); }

  [[nodiscard]] bool lacks_mask() const override { return step_.lacks_mask(); }
  [[nodiscard]] bool moves_mask() const override { return step_.moves_mask(); }
  [[nodiscard]] double sparsity() const override { return step_.sparsity(); }
  void settle(bool moves_mask, double sparsity) override { step_.settle(moves_mask, sparsity); }
  void open() override { step_.open(); }
  void ranking_pass() override { step_.ranking_pass(); }
  [[nodiscard]] SelectorState& selector() override { return step_.selector(); }
  [[nodiscard]] typename Layer::backend& on() override { return step_.on(); }

 private:
  Layer& layer_;
  typename Together<Layer>::Step step_;
};

}  // namespace detail

/// A SparseLinear of type `Layer` behind LinearInterface. Include this only where a layer type is made: it compiles the
/// layer.
/// @ingroup any
template <class Layer>
class LinearOf final : public detail::LayerBehind<Layer, LinearInterface<typename Layer::scalar>> {
  using Behind = detail::LayerBehind<Layer, LinearInterface<typename Layer::scalar>>;
  using Interface = LinearInterface<typename Layer::scalar>;
  using Scalar = typename Layer::scalar;

 public:
  using typename Interface::ConstView;
  using typename Interface::MutableView;

  using Behind::Behind;

  void attach(LentWeight<Scalar> weight, LentBias<Scalar> bias) override {
    weight.visit([&]<class T>(StridedView<T> view) {
      if constexpr (std::is_convertible_v<StridedView<T>, typename Layer::WeightView>)
        this->layer_.attach(view, bias_of(bias));
      else
        refuse_weight<T>();
    });
  }
  void refresh(double progress) override { layer_.refresh(progress); }
  void begin_step(index_t step, index_t steps) override { layer_.begin_step(step, steps); }
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_step(index_t step, index_t steps) override {
    return std::make_unique<detail::StepOf<Layer>>(layer_, step, steps);
  }
  [[nodiscard]] std::unique_ptr<PendingStep<Scalar>> prepare_refresh(double progress) override {
    return std::make_unique<detail::StepOf<Layer>>(layer_, progress);
  }

  void for_each_statistic(typename Interface::StatisticVisitor visit) override { layer_.for_each_statistic(visit); }
  void set_mask(MaskView<const mask_word> mask) override { layer_.set_mask(mask); }
  [[nodiscard]] CsrMatrix<Scalar> export_csr() override { return layer_.export_csr(); }
  [[nodiscard]] BitmaskMatrix<Scalar> export_bitmask() override { return layer_.export_bitmask(); }

  [[nodiscard]] std::unique_ptr<Interface> clone() override { return std::make_unique<LinearOf>(layer_.clone()); }
  [[nodiscard]] std::unique_ptr<Interface> clone(const SharedCpu& on) override {
    using Backend = typename Layer::backend;
    return std::make_unique<LinearOf>(layer_.clone(on.backend_or<Backend>([] { return Backend{}; })));
  }
  [[nodiscard]] std::vector<std::byte> save_bytes() override { return layer_.save_bytes(); }
  void restore_bytes(std::span<const std::byte> bytes) override { layer_.restore_bytes(bytes); }

 private:
  [[nodiscard]] std::string label() const { return this->name().empty() ? "layer" : "layer " + this->name(); }
  [[nodiscard]] typename Layer::BiasView bias_of(const LentBias<Scalar>& bias) const {
    if constexpr (std::is_same_v<typename Layer::BiasView, ConstView>) {
      return bias.constant();
    } else {
      require(bias.empty() || bias.variable().data != nullptr, label(),
              ": the bias trains in place, but a constant one is attached: attach a view of variables");
      return bias.variable();
    }
  }
  template <class T>
  [[noreturn]] void refuse_weight() const {
    using Stored = typename Layer::stored;
    require(std::is_same_v<std::remove_const_t<T>, Stored>, label(), ": the weight consists of ",
            detail::name_of_number<std::remove_const_t<T>>(), ", the layer expects ", detail::name_of_number<Stored>(),
            ": make it with another storage");
    fail(label(), ": the weight trains in place, but a constant one is attached: attach a view of variables");
  }

  using Behind::layer_;
};

}  // namespace pst::PST_ABI

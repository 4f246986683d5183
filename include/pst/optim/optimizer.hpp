// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/tensor.hpp"

/// @defgroup optim Optimizers
/// Small optimizers for any list of parameters; an engine's own works as well.
namespace pst::PST_ABI {

/// Multiplies the learning rate of the parameters of one group.
/// @ingroup optim
struct GroupRates {
  double weight = 1.0;
  double delta = 1.0;
  double score = 1.0;
  double bias = 1.0;

  [[nodiscard]] constexpr double of(ParameterGroup group) const noexcept {
    switch (group) {
      case ParameterGroup::delta: return delta;
      case ParameterGroup::score: return score;
      case ParameterGroup::bias: return bias;
      default: return weight;
    }
  }
};

/// What an optimizer remembers: some numbers for each element of a parameter, by the parameter's name.
///
/// Parameters of one name, as layers without names have them, are told apart by their order.
/// @ingroup optim
template <class Scalar>
class Moments {
 public:
  using List = std::span<const Parameter<Scalar>>;

  explicit Moments(std::size_t count) : count_{count} {}

  /// Finds the memory of every parameter, and makes it at the first step. Throws Error, having changed nothing, when a
  /// gradient is NaN or Inf, or when the list has other names or sizes than before.
  void begin_step(List parameters) {
    for (const auto& p : parameters) refuse_non_finite(p);
    if (memory_.empty())
      for (const auto& p : parameters)
        memory_.push_back({unused(p.name), std::vector<Scalar>(count_ * static_cast<std::size_t>(p.value.size()))});
    require(memory_.size() == parameters.size(), "the optimizer has stepped ", memory_.size(),
            " parameters before, and is given ", parameters.size());
    std::vector<std::size_t> places;
    for (const auto& p : parameters) {
      places.push_back(place_of(p.name, places));
      const std::size_t held = memory_[places.back()].numbers.size();
      require(held == count_ * static_cast<std::size_t>(p.value.size()), "parameter ", p.name, " has ", p.value.size(),
              " elements, the optimizer has stepped ", count_ == 0 ? 0 : held / count_, " of that name before");
    }
    places_ = std::move(places);
  }
  /// The numbers of parameter `i` of the list that the step has begun with, one array behind the other.
  [[nodiscard]] std::span<Scalar> of(std::size_t i) { return memory_[places_[i]].numbers; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    std::size_t total = 0;
    for (const Memory& one : memory_) total += one.numbers.size() * sizeof(Scalar);
    return total;
  }
  /// All numbers by name, and how many steps were taken.
  [[nodiscard]] TensorList save(std::int64_t steps) const {
    const std::vector<std::int64_t> numbers{steps, static_cast<std::int64_t>(count_)};
    TensorList list{Tensor::from<std::int64_t>("steps", {2}, numbers)};
    for (const Memory& one : memory_)
      list.push_back(Tensor::from<Scalar>(prefix + one.name, {static_cast<index_t>(one.numbers.size())}, one.numbers));
    return list;
  }
  /// Puts back what `save` gave and returns the number of steps. Throws Error, having changed nothing, if it cannot.
  [[nodiscard]] std::int64_t restore(const TensorList& list) {
    const std::vector<std::int64_t> steps = find(list, "steps").template values<std::int64_t>();
    require(steps.size() == 2 && steps[0] >= 0 && steps[1] == static_cast<std::int64_t>(count_),
            "tensor steps is not of an optimizer that remembers ", count_, " numbers for each element");
    std::vector<Memory> memory;
    for (const Tensor& tensor : list) {
      if (tensor.name == "steps") continue;
      require(tensor.name.starts_with(prefix), "tensor ", tensor.name, " is not of an optimizer, expected ", prefix,
              " and the name of a parameter");
      memory.push_back({tensor.name.substr(prefix.size()), tensor.template values<Scalar>()});
      for (Scalar value : memory.back().numbers)
        require(is_finite(value), "tensor ", tensor.name, " holds ", value, ", expected finite numbers");
    }
    for (const Memory& one : memory_) {
      const auto same = std::find_if(memory.begin(), memory.end(), Memory::called(one.name));
      require(same != memory.end(), "the saved optimizer has not stepped ", one.name, ", this one has");
      require(same->numbers.size() == one.numbers.size(), "tensor ", prefix, one.name,
              " does not fit the parameter that the optimizer has stepped");
    }
    require(memory_.empty() || memory.size() == memory_.size(), "the saved optimizer has stepped ", memory.size(),
            " parameters, this one ", memory_.size());
    memory_ = std::move(memory);
    return steps[0];
  }

 private:
  struct Memory {
    std::string name;
    std::vector<Scalar> numbers;

    [[nodiscard]] static auto called(std::string_view name) {
      return [name](const Memory& one) { return one.name == name; };
    }
  };
  static inline const std::string prefix = "moments.";

  static void refuse_non_finite(const Parameter<Scalar>& p) {
    for (index_t r = 0; r < p.grad.rows; ++r)
      for (index_t c = 0; c < p.grad.cols; ++c)
        require(is_finite(p.grad(r, c)), "the gradient of ", p.name, " is ", p.grad(r, c), " at row ", r, ", column ",
                c, ", expected finite numbers");
  }
  /// The second "score.A" is called "score.A#2".
  [[nodiscard]] std::string unused(std::string_view name) const {
    std::string candidate{name};
    for (int n = 2; std::any_of(memory_.begin(), memory_.end(), Memory::called(candidate)); ++n)
      candidate = std::string{name} + '#' + std::to_string(n);
    return candidate;
  }
  /// Where the memory of the parameter is that stands behind those at `before` in the list: as a rule in its place.
  [[nodiscard]] std::size_t place_of(std::string_view name, const std::vector<std::size_t>& before) const {
    const auto fits = [&](std::size_t place) {
      const std::string_view there = memory_[place].name;
      return there == name || (there.starts_with(name) && there.substr(name.size()).starts_with('#'));
    };
    const auto is_free = [&](std::size_t place) {
      return std::find(before.begin(), before.end(), place) == before.end();
    };
    if (fits(before.size()) && is_free(before.size())) return before.size();
    for (std::size_t place = 0; place < memory_.size(); ++place)
      if (fits(place) && is_free(place)) return place;
    fail("the optimizer has not stepped ", name, " before; it must be given the same parameters at every step");
  }

  std::size_t count_;
  std::vector<Memory> memory_;
  std::vector<std::size_t> places_;  // in memory_, of the parameters of the step
};

/// An optimizer by its rule, which has `Options`, `numbers()` for each element, and moves one parameter in one step.
/// @ingroup optim
template <class Rule>
class Optimizer {
 public:
  using Scalar = typename Rule::scalar;
  using Options = typename Rule::Options;

  /// Throws Error when the learning rate is negative or not finite.
  explicit Optimizer(Options options = {}) : rule_{options}, moments_{rule_.numbers()} {
    require(is_finite(options.learning_rate) && options.learning_rate >= 0, "the learning rate is ",
            options.learning_rate, ", expected a finite number of at least 0");
  }

  /// Moves every parameter once; `rate_scale` is for a learning-rate schedule. The list must have the same parameters
  /// at every step, in any order. Throws Error, having changed nothing, on NaN or Inf in a gradient.
  void step(std::span<const Parameter<Scalar>> parameters, double rate_scale = 1.0) {
    moments_.begin_step(parameters);
    ++steps_;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const double rate = rule_.options.learning_rate * rule_.options.group_rates.of(parameters[i].group) * rate_scale;
      rule_.move(parameters[i], moments_.of(i), rate, steps_);
    }
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return moments_.bytes(); }
  /// Steps and moments, for `restore` to go on from, bit for bit.
  [[nodiscard]] TensorList save() const { return moments_.save(steps_); }
  /// Throws Error, having changed nothing, when `state` is not what `save` gave.
  void restore(const TensorList& state) { steps_ = moments_.restore(state); }

 private:
  Rule rule_;
  Moments<Scalar> moments_;
  std::int64_t steps_ = 0;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
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

namespace detail {
/// The options of an optimizer, unless their learning rate is negative or not finite.
template <class Options>
[[nodiscard]] Options checked(Options options) {
  require(is_finite(options.learning_rate) && options.learning_rate >= 0, "the learning rate is ",
          options.learning_rate, ", expected a finite number of at least 0");
  return options;
}
}  // namespace detail

/// What an optimizer remembers of every parameter: `count` numbers an element, by the parameter's place in the list.
///
/// The list must be the same at every step: same order, same shapes.
/// @ingroup optim
template <class Scalar>
class Moments {
 public:
  explicit Moments(std::size_t count) : count_{count} {}

  /// Makes room at the first step; later throws Error when the list has changed, and always when a gradient is NaN
  /// or Inf.
  void check(std::span<const Parameter<Scalar>> parameters) {
    for (const auto& p : parameters)
      for (index_t r = 0; r < p.grad.rows; ++r)
        for (index_t c = 0; c < p.grad.cols; ++c)
          require(is_finite(p.grad(r, c)), "the gradient of ", p.name, " is ", p.grad(r, c), " at row ", r, ", column ",
                  c, ", expected finite numbers");
    if (memory_.empty())
      for (const auto& p : parameters) memory_.emplace_back(count_ * static_cast<std::size_t>(p.value.size()));
    require(memory_.size() == parameters.size(), "the optimizer has stepped ", memory_.size(),
            " parameters before, and is given ", parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i)
      require(memory_[i].size() == count_ * static_cast<std::size_t>(parameters[i].value.size()), "parameter ", i, ", ",
              parameters[i].name, ", has ", parameters[i].value.size(), " elements, the optimizer has stepped ",
              count_ == 0 ? 0 : memory_[i].size() / count_, " in its place before");
  }
  /// The `count` numbers of each element of parameter `i`, one array behind the other.
  [[nodiscard]] std::span<Scalar> of(std::size_t i) { return memory_[i]; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    std::size_t total = 0;
    for (const auto& one : memory_) total += one.size() * sizeof(Scalar);
    return total;
  }

  /// The number of steps and all moments, as tensors.
  [[nodiscard]] TensorList save(std::int64_t steps) const {
    const std::vector<std::int64_t> numbers{steps, static_cast<std::int64_t>(count_)};
    TensorList list{Tensor::from<std::int64_t>("steps", {2}, numbers)};
    for (std::size_t i = 0; i < memory_.size(); ++i)
      list.push_back(
          Tensor::from<Scalar>("moments." + std::to_string(i), {static_cast<index_t>(memory_[i].size())}, memory_[i]));
    return list;
  }
  /// Puts back what `save` gave and returns the number of steps. Throws Error, having changed nothing, if it cannot.
  [[nodiscard]] std::int64_t restore(const TensorList& list) {
    const std::vector<std::int64_t> steps = find(list, "steps").template values<std::int64_t>();
    require(steps.size() == 2 && steps[0] >= 0 && steps[1] == static_cast<std::int64_t>(count_),
            "tensor steps is not of an optimizer that remembers ", count_, " numbers for each element");
    std::vector<std::vector<Scalar>> memory;
    for (std::size_t i = 0; i + 1 < list.size(); ++i) {
      const Tensor& tensor = find(list, "moments." + std::to_string(i));
      memory.push_back(tensor.template values<Scalar>());
      require(memory_.empty() || (i < memory_.size() && memory_[i].size() == memory[i].size()), "tensor ", tensor.name,
              " does not fit the parameters that the optimizer has stepped");
      for (Scalar value : memory[i])
        require(is_finite(value), "tensor ", tensor.name, " holds ", value, ", expected finite numbers");
    }
    require(memory_.empty() || memory.size() == memory_.size(), "the saved optimizer has stepped ", memory.size(),
            " parameters, this one ", memory_.size());
    memory_ = std::move(memory);
    return steps[0];
  }

 private:
  std::size_t count_;
  std::vector<std::vector<Scalar>> memory_;
};

}  // namespace pst::PST_ABI

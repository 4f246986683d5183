// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "pst/optim/adamw.hpp"
#include "pst/optim/sgd.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {

/// One parameter and its gradient.
template <class Scalar>
struct Trained {
  HostMatrix<Scalar> value, grad;
  ParameterGroup group = ParameterGroup::weight;

  Trained(index_t rows, index_t cols, index_t gap = 0) : value(rows, cols, gap), grad(rows, cols, gap) {}
  [[nodiscard]] Parameter<Scalar> parameter(std::string_view name = "w") {
    return {name, group, value.view(), grad.view()};
  }
  [[nodiscard]] std::vector<Parameter<Scalar>> list() { return {parameter()}; }
};

/// Steps until sum of (x - target)^2 is at its minimum, to the rounding of float.
template <class Scalar>
[[nodiscard]] int steps_to_minimum(auto& optimizer) {
  Trained<Scalar> x{3, 4};
  const auto target = Draw{1}.normal<Scalar>(3, 4);
  int step = 0;
  for (; step < 2000 && distance(x.value, target) > quadratic_tolerance; ++step) {
    for (index_t r = 0; r < 3; ++r)
      for (index_t c = 0; c < 4; ++c) x.grad(r, c) = 2 * (x.value(r, c) - target(r, c));
    optimizer.step(x.list(), 1.0 / (1 + 0.01 * step));
  }
  return step;
}

/// What every optimizer promises: rates by group, the same list at each step, nothing changed by a bad gradient, and a
/// restored state that goes on bit for bit.
template <template <class> class OptimizerOf, class Scalar>
void check_promises(typename OptimizerOf<Scalar>::Options options = {}) {
  using Optimizer = OptimizerOf<Scalar>;
  {  // groups
    options.group_rates = {.weight = 1, .delta = 0.5, .score = 0, .bias = 2};
    std::vector<double> moved;
    for (ParameterGroup group :
         {ParameterGroup::weight, ParameterGroup::delta, ParameterGroup::score, ParameterGroup::bias}) {
      Trained<Scalar> one{1, 1};
      one.group = group, one.grad(0, 0) = 1;
      Optimizer optimizer{options};
      optimizer.step(one.list());
      moved.push_back(-static_cast<double>(one.value(0, 0)));
    }
    CHECK(moved[0] > 0);
    CHECK(std::abs(moved[1] / moved[0] - 0.5) <= tolerances<Scalar>::value);
    CHECK(moved[2] == 0);
    CHECK(std::abs(moved[3] / moved[0] - 2) <= tolerances<Scalar>::value);
    options.group_rates = {};
  }
  Trained<Scalar> first{2, 3, 1}, second{4, 1};
  first.value = Draw{1}.normal<Scalar>(2, 3, 1), second.value = Draw{2}.normal<Scalar>(4, 1);
  first.grad = Draw{3}.normal<Scalar>(2, 3, 1), second.grad = Draw{4}.normal<Scalar>(4, 1);
  const auto both = [&] { return std::vector<Parameter<Scalar>>{first.parameter("a"), second.parameter("b")}; };
  Optimizer optimizer{options};
  const auto refused = [&](const std::vector<Parameter<Scalar>>& list) {
    const auto a = first.value, b = second.value;
    const TensorList state = optimizer.save();
    const std::string text = error_of([&] { optimizer.step(list); });
    CHECK(distance(first.value, a) == 0);
    CHECK(distance(second.value, b) == 0);
    const TensorList after = optimizer.save();
    REQUIRE(after.size() == state.size());
    for (std::size_t n = 0; n < state.size(); ++n) CHECK(after[n].bytes == state[n].bytes);
    return text;
  };
  for (int round = 0; round < 2; ++round) {  // at the first step and later
    second.grad(3, 0) = std::numeric_limits<Scalar>::quiet_NaN();
    CHECK(refused(both()) == "the gradient of b is nan at row 3, column 0, expected finite numbers");
    second.grad(3, 0) = std::numeric_limits<Scalar>::infinity();
    CHECK(refused(both()) == "the gradient of b is inf at row 3, column 0, expected finite numbers");
    second.grad(3, 0) = 1;
    optimizer.step(both());
  }
  CHECK(refused({first.parameter("a")}) == "the optimizer has stepped 2 parameters before, and is given 1");
  CHECK(refused({first.parameter("a"), second.parameter("c")}) ==
        "the optimizer has not stepped c before; it must be given the same parameters at every step");
  if (optimizer.bytes() > 0)
    CHECK(refused({first.parameter("a"), first.parameter("b")}) ==
          "parameter b has 6 elements, the optimizer has stepped 4 of that name before");

  const auto first_then = first.value, second_then = second.value;
  const TensorList state = optimizer.save();
  for (int step = 0; step < 5; ++step) optimizer.step(both());
  const auto first_later = first.value, second_later = second.value;
  first.value = first_then, second.value = second_then;
  Optimizer fresh{options};
  fresh.restore(state);
  for (int step = 0; step < 5; ++step)  // by name: in any order
    fresh.step(step % 2 == 0 ? both() : std::vector<Parameter<Scalar>>{second.parameter("b"), first.parameter("a")});
  CHECK(distance(first.value, first_later) == 0);
  CHECK(distance(second.value, second_later) == 0);

  const auto restore_refused = [&](const TensorList& list) {
    const TensorList before = fresh.save();
    const std::string text = error_of([&] { fresh.restore(list); });
    const TensorList after = fresh.save();
    REQUIRE(after.size() == before.size());
    for (std::size_t n = 0; n < before.size(); ++n) CHECK(after[n].bytes == before[n].bytes);
    return text;
  };
  CHECK(restore_refused({}) == "no tensor is called steps among the 0 that were given");
  TensorList negative = state;
  negative[0] = Tensor::from<std::int64_t>("steps", {2}, std::vector<std::int64_t>{-1, 1});
  CHECK(restore_refused(negative).starts_with("tensor steps is not of an optimizer that remembers "));
  if (fresh.bytes() > 0) {
    TensorList spoilt = state, shorter = state;
    std::vector<Scalar> moments = state[1].template values<Scalar>();
    moments.back() = std::numeric_limits<Scalar>::quiet_NaN();
    spoilt[1] = Tensor::from<Scalar>("moments.a", {static_cast<index_t>(moments.size())}, moments);
    CHECK(restore_refused(spoilt) == "tensor moments.a holds nan, expected finite numbers");
    shorter.pop_back();
    CHECK(restore_refused(shorter) == "the saved optimizer has not stepped b, this one has");
  }
  TensorList other = state;
  other[1].name = "weight";
  CHECK(restore_refused(other) ==
        "tensor weight is not of an optimizer, expected moments. and the name of a parameter");
}

}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "pst/concepts/branch.hpp"
#include "support/host_matrix.hpp"
#include "support/test_types.hpp"
#include "support/tolerances.hpp"

namespace pst::test {

/// A branch in a small space, all of whose parameters are drawn, with activations and a gradient.
template <class T, class Policy>
struct BranchCase {
  using Scalar = typename T::scalar;
  using Backend = typename T::backend;
  static_assert(Branch<Policy, Backend, Scalar>);
  using State = typename Policy::template State<Backend, Scalar>;

  Backend on{};
  HostMatrix<Scalar> x, y, grad_y;
  State state;
  typename State::Tape tape{};

  BranchCase(const Policy& policy, index_t tokens, index_t features)
      : x{Draw{1}.normal<Scalar>(tokens, features)},
        y{tokens, features},
        grad_y{Draw{2}.normal<Scalar>(tokens, features)},
        state{policy, on, features, "a", 7} {
    std::uint64_t seed = 10;
    state.for_each_parameter([&](const auto& p) {
      const auto drawn = Draw{seed++}.normal<Scalar>(p.value.rows, p.value.cols);
      for (index_t r = 0; r < p.value.rows; ++r)
        for (index_t c = 0; c < p.value.cols; ++c) p.value(r, c) = Scalar(0.5) * drawn(r, c);
    });
  }

  /// The sum of grad_y .* A(x).
  double loss() {
    y.fill(0);
    state.forward(on, std::as_const(x).view(), y.view(), tape);
    double sum = 0;
    for (index_t r = 0; r < y.rows(); ++r)
      for (index_t c = 0; c < y.cols(); ++c) sum += static_cast<double>(y(r, c)) * static_cast<double>(grad_y(r, c));
    return sum;
  }
  /// All gradients, that of x last.
  std::vector<HostMatrix<Scalar>> gradients() {
    loss();
    state.zero_gradients(on);
    HostMatrix<Scalar> grad_x(x.rows(), x.cols());
    state.backward(on, std::as_const(x).view(), tape, std::as_const(grad_y).view(), grad_x.view());
    std::vector<HostMatrix<Scalar>> found;
    state.for_each_parameter([&](const auto& p) {
      found.emplace_back(p.grad.rows, p.grad.cols);
      for (index_t r = 0; r < p.grad.rows; ++r)
        for (index_t c = 0; c < p.grad.cols; ++c) found.back()(r, c) = p.grad(r, c);
    });
    found.push_back(grad_x);
    return found;
  }
};

/// Compares every gradient of a branch with central differences.
template <class T, class Policy>
void check_branch_gradients(const Policy& policy) {
  BranchCase<T, Policy> at{policy, 9, 6};
  const auto found = at.gradients();
  std::size_t i = 0;
  const auto check = [&](MatrixView<double> value) {
    HostMatrix<double> expected(value.rows, value.cols);
    for (index_t r = 0; r < value.rows; ++r)
      for (index_t c = 0; c < value.cols; ++c)
        expected(r, c) = central_difference(value(r, c), [&] { return at.loss(); });
    CHECK(distance(found.at(i++), expected) <= difference_tolerance);
  };
  at.state.for_each_parameter([&](const auto& p) {
    CAPTURE(p.name);
    check(p.value);
  });
  check(at.x.view());
  CHECK(i == found.size());
}

/// The gradients of two batches, one after the other, are twice those of one.
template <class T, class Policy>
void check_gradients_add_up(const Policy& policy) {
  BranchCase<T, Policy> at{policy, 9, 6};
  const auto once = at.gradients();
  HostMatrix<typename T::scalar> grad_x(at.x.rows(), at.x.cols());
  at.state.backward(at.on, std::as_const(at.x).view(), at.tape, std::as_const(at.grad_y).view(), grad_x.view());
  std::size_t i = 0;
  at.state.for_each_parameter([&](const auto& p) {
    CAPTURE(p.name);
    for (index_t r = 0; r < p.grad.rows; ++r)
      for (index_t c = 0; c < p.grad.cols; ++c)
        CHECK(p.grad(r, c) == doctest::Approx(2 * once.at(i)(r, c)).epsilon(1e-6));
    ++i;
  });
}

/// A branch gives on every backend, and for any number of threads, what it gives on Reference.
template <class Policy>
void check_branch_backends(const Policy& policy, index_t tokens, index_t features) {
  BranchCase<ReferenceFloat, Policy> truth{policy, tokens, features};
  BranchCase<EigenFloat, Policy> found{policy, tokens, features}, alone{policy, tokens, features};
  alone.on = EigenCpu{1};
  const auto expected = truth.gradients(), ours = found.gradients(), single = alone.gradients();
  CHECK(distance(found.y, truth.y) <= tolerances<float>::value);
  CHECK(distance(alone.y, found.y) == 0);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(distance(ours[i], expected[i]) <= tolerances<float>::value);
    CHECK(distance(single[i], ours[i]) == 0);
  }
}

}  // namespace pst::test

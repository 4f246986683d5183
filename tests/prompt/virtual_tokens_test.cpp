// SPDX-License-Identifier: Apache-2.0
#include "pst/prompt/virtual_tokens.hpp"

#include <string>
#include <utility>
#include <vector>

#include "pst/prompt/mlp.hpp"
#include "support/host_matrix.hpp"
#include "support/test_types.hpp"
#include "support/tolerances.hpp"

namespace pst::test {
namespace {

template <class T>
HostMatrix<std::remove_const_t<T>> copied(MatrixView<T> view) {
  HostMatrix<std::remove_const_t<T>> out(view.rows, view.cols);
  for (index_t r = 0; r < view.rows; ++r)
    for (index_t c = 0; c < view.cols; ++c) out(r, c) = view(r, c);
  return out;
}

/// Gradients of what trains, where the gradient of the vectors is `weight`.
template <class Tokens, class B, class Scalar>
std::vector<HostMatrix<Scalar>> gradients(Tokens& tokens, B& on, const HostMatrix<Scalar>& weight) {
  tokens.compute(on);
  tokens.zero_gradients(on);
  for (index_t r = 0; r < weight.rows(); ++r)
    for (index_t c = 0; c < weight.cols(); ++c) tokens.grad()(r, c) += weight(r, c);
  tokens.backward(on);
  std::vector<HostMatrix<Scalar>> found;
  tokens.for_each_parameter([&](const auto& p) { found.push_back(copied(p.grad)); });
  return found;
}

template <class T, class Policy>
void check_gradients(const Policy& policy) {
  using B = typename T::backend;
  B on;
  VirtualTokens<B, double, Policy> tokens{policy, on, 3, 10, "prefix", 5};
  const auto weight = Draw{1}.normal<double>(3, 10);
  const auto found = gradients(tokens, on, weight);
  const auto loss = [&] {
    tokens.compute(on);
    double sum = 0;
    for (index_t r = 0; r < 3; ++r)
      for (index_t c = 0; c < 10; ++c) sum += weight(r, c) * tokens.vectors()(r, c);
    return sum;
  };
  std::size_t i = 0;
  tokens.for_each_parameter([&](const auto& p) {
    CAPTURE(p.name);
    HostMatrix<double> expected(p.value.rows, p.value.cols);
    for (index_t r = 0; r < p.value.rows; ++r)
      for (index_t c = 0; c < p.value.cols; ++c) expected(r, c) = central_difference(p.value(r, c), loss);
    CHECK(distance(found.at(i++), expected) <= difference_tolerance);
    CHECK(distance(HostMatrix<double>(p.value.rows, p.value.cols), expected) > difference_tolerance);
  });
  CHECK(i == found.size());
}

TEST_CASE_TEMPLATE("the gradients of virtual tokens are their finite differences", T, ReferenceDouble, EigenDouble) {
  check_gradients<T>(Direct{});
  check_gradients<T>(Mlp{.embedding = 4, .hidden = 5});
}
TEST_CASE("virtual tokens are the same on every backend, and for any number of threads") {
  const Mlp policy{.embedding = 20, .hidden = 40};
  const auto weight = Draw{1}.normal<float>(7, 300);
  Reference reference;
  EigenCpu all, one{1};
  VirtualTokens<Reference, float, Mlp> truth{policy, reference, 7, 300, "p", 5};
  VirtualTokens<EigenCpu, float, Mlp> found{policy, all, 7, 300, "p", 5}, alone{policy, one, 7, 300, "p", 5};
  CHECK(distance(found.vectors(), truth.vectors()) <= tolerances<float>::value);
  CHECK(distance(alone.vectors(), found.vectors()) == 0);
  const auto expected = gradients(truth, reference, weight), ours = gradients(found, all, weight),
             single = gradients(alone, one, weight);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(distance(ours[i], expected[i]) <= tolerances<float>::value);
    CHECK(distance(single[i], ours[i]) == 0);
  }
}
TEST_CASE("virtual tokens train as many numbers as their formula says, and fold into l x features") {
  EigenCpu on;
  VirtualTokens<EigenCpu, float, Mlp> tokens{{.embedding = 6, .hidden = 5}, on, 4, 24, "p", 5};
  CHECK(tokens.parameters() == 4 * 6 + 5 * (6 + 1) + 24 * (5 + 1));
  auto folded = tokens.fold(on, "q");
  CHECK(folded.parameters() == 4 * 24);
  CHECK(distance(folded.vectors(), tokens.vectors()) == 0);
  std::string names;
  folded.for_each_parameter([&](const auto& p) { names += std::string{p.name} + ' '; });
  CHECK(names == "q.embeddings ");
  CHECK(error_of([&] { VirtualTokens<EigenCpu, float>{{}, on, 0, 24, "p", 5}; }) ==
        "there are 0 virtual tokens of 24 features, expected at least 1 of both");
}
TEST_CASE("vectors that train themselves begin as normal numbers of their deviation") {
  EigenCpu on;
  const VirtualTokens<EigenCpu, double> tokens{{.deviation = 0.5}, on, 200, 1000, "p", 5};
  double sum = 0, squares = 0;
  for (index_t r = 0; r < 200; ++r)
    for (index_t c = 0; c < 1000; ++c)
      sum += tokens.vectors()(r, c), squares += tokens.vectors()(r, c) * tokens.vectors()(r, c);
  CHECK(std::abs(sum / random_draws) < 0.5 * moment_tolerance(1));
  CHECK(std::abs(squares / random_draws - 0.25) < 0.25 * moment_tolerance(2));
}

}  // namespace
}  // namespace pst::test

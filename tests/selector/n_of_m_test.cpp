// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/n_of_m.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

/// Every group of m neighbours ranked alone: the lowest min(m - n, trunc(m s)) go.
template <class Scalar>
oracle::Mask by_groups(const HostMatrix<Scalar>& scores, index_t n, index_t m, double sparsity) {
  const auto pruned = std::min(m - n, static_cast<index_t>(static_cast<double>(m) * sparsity));
  oracle::Mask mask;
  for (index_t r = 0; r < scores.rows(); ++r)
    for (index_t first = 0; first < scores.cols(); first += m) {
      std::vector<index_t> order(static_cast<std::size_t>(m));
      std::iota(order.begin(), order.end(), first);
      std::ranges::stable_sort(order, [&](index_t a, index_t b) { return scores(r, a) < scores(r, b); });
      oracle::Mask group(static_cast<std::size_t>(m), 1);
      for (index_t k = 0; k < pruned; ++k)
        group[static_cast<std::size_t>(order[static_cast<std::size_t>(k)] - first)] = 0;
      mask.insert(mask.end(), group.begin(), group.end());
    }
  return mask;
}
template <class T, index_t N, index_t M>
void check_pattern() {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{M, 1}, Shape{3 * M, 9}, Shape{72, 20}, Shape{17 * M, 2}})
    for (double sparsity : {0.0, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9}) {
      for (const auto& scores : selector_scores<Scalar>(shape))
        CHECK(selected<T, NofM<N, M>>(scores, sparsity) == by_groups(scores, N, M, sparsity));
      const auto hard = hard_scores<Scalar>(shape.out, shape.in, 3);
      CHECK(selected<T, NofM<N, M>>(hard, sparsity) == by_groups(hard, N, M, sparsity));
    }
}

TEST_CASE_TEMPLATE("2:4 keeps the two largest of every four, equal ones from the right", T, ReferenceDouble,
                   PartsFloat) {
  check_pattern<T, 2, 4>();
}
TEST_CASE_TEMPLATE("1:4 and 4:8 keep their numbers too", T, ReferenceDouble, PartsFloat) {
  check_pattern<T, 1, 4>();
  check_pattern<T, 4, 8>();
}
TEST_CASE_TEMPLATE("the pattern tightens with the sparsity, and no further than N of M", T, ReferenceFloat,
                   PartsFloat) {
  const auto scores = Draw{1}.normal<float>(5, 16);
  CHECK(kept_in(selected<T, NofM<1, 4>>(scores, 0.0)) == 80);
  CHECK(kept_in(selected<T, NofM<1, 4>>(scores, 0.24)) == 80);
  CHECK(kept_in(selected<T, NofM<1, 4>>(scores, 0.25)) == 60);
  CHECK(kept_in(selected<T, NofM<1, 4>>(scores, 0.5)) == 40);
  CHECK(kept_in(selected<T, NofM<1, 4>>(scores, 0.99)) == 20);
}
TEST_CASE("a number of inputs that M does not divide is refused") {
  const HostMatrix<float> scores(3, 6);
  CHECK(error_of([&] { (void)selected<ReferenceFloat, NofM<2, 4>>(scores, 0.5); }) ==
        "NofM<2, 4> needs a multiple of 4 inputs, the layer has 6");
  CHECK(error_of([&] { (void)selected<EigenFloat, NofM<4, 8>>(scores, 0.5); }) ==
        "NofM<4, 8> needs a multiple of 8 inputs, the layer has 6");
}

}  // namespace
}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/keep_largest.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "support/host_mask.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// What keep_largest writes for matrices of these numbers.
template <class T, class Scalar = typename T::scalar>
std::vector<oracle::Mask> largest_in(const std::vector<HostMatrix<Scalar>>& matrices, index_t count) {
  std::vector<HostMask> memory;
  for (const auto& each : matrices) memory.emplace_back(each.rows(), each.cols());
  std::vector<MaskView<mask_word>> masks;
  for (HostMask& each : memory) masks.push_back(each.view());
  typename T::backend on;
  keep_largest<Scalar>(on, std::span<const MaskView<mask_word>>{masks}, count,
                       [&](std::size_t i) { return matrices[i].view(); });
  std::vector<oracle::Mask> found;
  for (const HostMask& each : memory) found.push_back(unpacked(each.view()));
  return found;
}

}  // namespace

TEST_CASE_TEMPLATE("the largest of several matrices are kept, exactly so many, ties in order of matrix and place", T,
                   ReferenceDouble, EigenFloat) {
  using Scalar = typename T::scalar;
  const std::vector<HostMatrix<Scalar>> matrices{hard_scores<Scalar>(7, 90, 1), hard_scores<Scalar>(100, 130, 2),
                                                 hard_scores<Scalar>(1, 1, 3)};
  struct Number {
    OrderKey<Scalar> key;
    std::size_t matrix, place;
  };
  std::vector<Number> order;
  for (std::size_t i = 0; i < matrices.size(); ++i)
    for (index_t r = 0; r < matrices[i].rows(); ++r)
      for (index_t c = 0; c < matrices[i].cols(); ++c)
        order.push_back({order_key(matrices[i](r, c)), i, static_cast<std::size_t>(r * matrices[i].cols() + c)});
  std::ranges::stable_sort(order, {}, &Number::key);
  const index_t size = std::ssize(order);
  for (const index_t count : {index_t{1}, index_t{70}, size / 3, size / 2, size - 1, size}) {
    CAPTURE(count);
    std::vector<oracle::Mask> expected;
    for (const auto& each : matrices) expected.emplace_back(static_cast<std::size_t>(each.rows() * each.cols()), 0);
    for (index_t k = size - count; k < size; ++k) {
      const Number& kept = order[static_cast<std::size_t>(k)];
      expected[kept.matrix][kept.place] = 1;
    }
    CHECK(largest_in<T>(matrices, count) == expected);
  }
}

TEST_CASE("a share of the numbers is cut to a whole number, and is at least one of them") {
  CHECK(share_of(1000, 0.005) == 5);
  CHECK(share_of(1199, 0.005) == 5);
  CHECK(share_of(10, 0.005) == 1);
  CHECK(share_of(10, 1.0) == 10);
}

}  // namespace pst::test

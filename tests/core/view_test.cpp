// SPDX-License-Identifier: Apache-2.0
#include "pst/core/view.hpp"

#include <doctest/doctest.h>

#include <concepts>
#include <vector>

namespace pst::test {
namespace {

using Host = MatrixView<float>;
using Device = MatrixView<float, DeviceSpace>;
static_assert(std::convertible_to<Host, MatrixView<const float>>);
static_assert(!std::convertible_to<MatrixView<const float>, Host>);
static_assert(!std::convertible_to<Device, Host> && !std::convertible_to<Host, Device>);
static_assert(!std::convertible_to<Device, MatrixView<const float>>);
static_assert(!std::constructible_from<Host, Device> && !std::constructible_from<Host, MatrixView<double>>);
static_assert(std::convertible_to<MaskView<mask_word>, MaskView<const mask_word>>);
static_assert(!std::convertible_to<MaskView<mask_word, DeviceSpace>, MaskView<mask_word>>);

TEST_CASE("a view reads rows that are a stride apart") {
  std::vector<int> memory{0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
  const MatrixView<int> view{memory.data(), 3, 2, 4};
  CHECK(view(2, 1) == 21);
  CHECK(*view.row(1) == 10);
  CHECK(view.size() == 6);
  CHECK(view.middle_rows(1, 2)(1, 1) == 21);
  CHECK(view.middle_rows(1, 2).rows == 2);
  CHECK(view.middle_cols(1, 1)(2, 0) == 21);
  CHECK(view.middle_cols(1, 1).cols == 1);
  CHECK(view.middle_cols(1, 1).row_stride == 4);
  const MatrixView<const int> constant = view;
  CHECK(constant(1, 1) == 11);
}
TEST_CASE("a view without a stride has its rows directly behind one another") {
  CHECK(Host{nullptr, 3, 7}.row_stride == 7);
}
TEST_CASE("a view without rows or columns is empty") {
  CHECK(Host{}.empty());
  CHECK(Host{nullptr, 0, 3}.empty());
  CHECK(Host{nullptr, 3, 0}.empty());
  float one = 1;
  CHECK_FALSE(Host{&one, 1, 1}.empty());
}
TEST_CASE("each row of a mask starts a new word") {
  using Mask = MaskView<mask_word>;
  CHECK(Mask::words_for(1) == 1);
  CHECK(Mask::words_for(64) == 1);
  CHECK(Mask::words_for(65) == 2);
  std::vector<mask_word> words{1, 2, mask_word{1} << 63, 0};
  const Mask mask{words.data(), 2, 66};
  CHECK(mask(0, 0));
  CHECK_FALSE(mask(0, 1));
  CHECK(mask(0, 65));
  CHECK(mask(1, 63));
  CHECK_FALSE(mask(1, 64));
  CHECK(mask.middle_rows(1, 1)(0, 63));
  CHECK(mask.row(1) == words.data() + 2);
}

}  // namespace
}  // namespace pst::test

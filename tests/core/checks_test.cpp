// SPDX-License-Identifier: Apache-2.0
#include "pst/core/checks.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "pst/core/float16.hpp"
#include "support/host_matrix.hpp"
#include "support/test_types.hpp"

namespace pst::test {
namespace {

/// What `overlap` finds out, by marking every byte.
template <class T, class U>
bool share_bytes(const std::byte* memory, MatrixView<T> a, MatrixView<U> b) {
  std::vector<int> owners(4096);
  const auto mark = [&](auto view, int owner) {
    bool met = false;
    for (index_t r = 0; r < view.rows; ++r)
      for (index_t at = 0; at < view.cols * index_t{sizeof(*view.data)}; ++at) {
        int& own = owners[static_cast<std::size_t>(reinterpret_cast<const std::byte*>(view.row(r)) - memory + at)];
        met = met || (own != 0 && own != owner);
        own = owner;
      }
    return met;
  };
  mark(a, 1);
  return mark(b, 2);
}

TEST_CASE("two views overlap where they share a byte, and nowhere else") {
  alignas(8) std::byte memory[4096];
  Draw draw{1};
  const auto any_view = [&]<class T>(T*) {
    const index_t rows = draw.between(0, 6), cols = draw.between(0, 9), stride = cols + draw.between(0, 20);
    return MatrixView<const T>{reinterpret_cast<const T*>(memory + 8 * draw.between(0, 60)), rows, cols, stride};
  };
  index_t shared = 0, apart = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto a = any_view(static_cast<float*>(nullptr));
    const auto check = [&](auto b) {
      const bool expected = share_bytes(memory, a, b);
      ++(expected ? shared : apart);
      if (detail::overlap(a, b) != expected || detail::overlap(b, a) != expected) FAIL("pair " << i);
    };
    check(any_view(static_cast<float*>(nullptr)));
    check(any_view(static_cast<double*>(nullptr)));
    check(any_view(static_cast<BFloat16*>(nullptr)));
  }
  CHECK(std::min(shared, apart) > 10000);
}
TEST_CASE("slices of a fused projection lie beside each other, and not over each other") {
  constexpr index_t tokens = 5, width = 4;
  std::vector<float> fused(tokens * 3 * width);
  const MatrixView<float> all{fused.data(), tokens, 3 * width};
  const auto query = all.middle_cols(0, width), key = all.middle_cols(width, width);
  detail::refuse_overlap("layer", "y", query, "x", key);
  detail::refuse_overlap("layer", "y", all.middle_rows(0, 2), "x", all.middle_rows(2, 3));
  CHECK(error_of([&] { detail::refuse_overlap("layer query", "y", query, "x", MatrixView<const float>{all}); }) ==
        "layer query: y lies over x, expected memory of its own: it is written while x is still read");
  CHECK(error_of([&] { detail::refuse_overlap("layer", "y", query, "x", all.middle_cols(width - 1, width)); }) !=
        "nothing was thrown");
}
TEST_CASE("what is empty lies over nothing") {
  std::vector<float> numbers(12);
  const MatrixView<float> all{numbers.data(), 3, 4};
  for (const MatrixView<float> empty : {MatrixView<float>{}, all.middle_rows(1, 0), all.middle_cols(1, 0)}) {
    CHECK_FALSE(detail::overlap(all, empty));
    CHECK_FALSE(detail::overlap(empty, all));
  }
}
TEST_CASE("a view with more bytes than there are is refused") {
  float number = 0;
  const auto refusal = [&](index_t rows, index_t stride) {
    return error_of([&] { detail::check_matrix("layer", "x", MatrixView<float>{&number, rows, 3, stride}, rows, 3); });
  };
  CHECK(refusal(index_t{1} << 40, index_t{1} << 30) ==
        "layer: x has 1099511627776 rows with row stride 1073741824, more than any memory");
  CHECK(refusal(index_t{1} << 62, 3) != "nothing was thrown");
  CHECK(refusal(1, index_t{1} << 62) == "nothing was thrown");  // nobody looks at the stride of one row
}

}  // namespace
}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#include "pst/core/matrix.hpp"

#include <doctest/doctest.h>

#include <new>

#include "pst/core/host_buffer.hpp"
#include "support/sanitizers.hpp"
#include "support/test_types.hpp"

namespace pst::test {
namespace {

template <class T>
std::string refusal(index_t rows, index_t cols) {
  return error_of([&] { Matrix<Reference, T> matrix(rows, cols); });
}

TEST_CASE("a matrix whose size wraps is refused, and not made smaller") {
  constexpr index_t large = index_t{1} << 32;
  CHECK(refusal<float>(large, large) ==
        "a matrix of 4294967296 x 4294967296 numbers of 4 bytes is larger than any memory");
  CHECK(refusal<double>(index_t{1} << 62, 4) != "nothing was thrown");
  CHECK(refusal<double>(index_t{1} << 61, 1) != "nothing was thrown");  // 2^64 bytes
  CHECK(refusal<float>(-1, 3) == "a matrix of -1 x 3 numbers of 4 bytes is larger than any memory");
  CHECK(refusal<float>(-2, -2) != "nothing was thrown");
  CHECK(refusal<float>(0, large) == "nothing was thrown");
}
TEST_CASE("memory for more numbers than there are bytes is refused" * doctest::skip(large_allocations_abort)) {
  CHECK_THROWS_AS((void)AlignedAllocator<double>{}.allocate(std::size_t{1} << 61), std::bad_alloc);
  CHECK_THROWS_AS((void)AlignedAllocator<double>{}.allocate((std::size_t{1} << 61) + 1), std::bad_alloc);
}

}  // namespace
}  // namespace pst::test

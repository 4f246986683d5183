// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "pst/backend/reference.hpp"
#include "pst/backend/thrust.hpp"
#include "support/compressed_tools.hpp"
#include "support/sparse_matrix_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("on Thrust, kept weights lie in panels of 256 columns, and so do those of the transpose", T, float,
                   double) {
  for (Shape shape : compressed_shapes) check_compression<T>(ThrustCpp{}, shape);
}
TEST_CASE_TEMPLATE("on Thrust, products with compressed weights are those of the masked ones", T, float, double) {
  for (Shape shape : compressed_shapes) check_compressed_products<T>(ThrustCpp{}, shape);
}
TEST_CASE("on Thrust, a sparse matrix multiplies as the dense one does") {
  for (Shape shape : {Shape{1, 1}, Shape{257, 31}, Shape{1025, 33}}) {
    check_sparse_matrix<SparseMatrix<float, float, ThrustCpp>, float>(shape);
    check_sparse_matrix<SparseMatrix<double, double, ThrustCpp>, double>(shape);
    check_sparse_matrix<SparseMatrix<float, BFloat16, ThrustCpp>, BFloat16>(shape);
  }
}

/// Words of ones, a million of which lie in the same memory.
class ManyOnes {
 public:
  explicit ManyOnes(std::size_t words) : bytes_{words * sizeof(mask_word)} {
    constexpr std::size_t once = std::size_t{8} << 20;
    const std::vector<mask_word> ones(once / sizeof(mask_word), ~mask_word{0});
    const int file = ::memfd_create("ones", 0);
    REQUIRE(::write(file, ones.data(), once) == static_cast<ssize_t>(once));
    void* const memory = ::mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    begin_ = static_cast<std::byte*>(memory);
    for (std::size_t at = 0; at < bytes_; at += once)
      REQUIRE(::mmap(begin_ + at, once, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED);
    ::close(file);
  }
  ManyOnes(const ManyOnes&) = delete;
  ManyOnes& operator=(const ManyOnes&) = delete;
  ~ManyOnes() { ::munmap(begin_, bytes_); }
  [[nodiscard]] const mask_word* words() const { return reinterpret_cast<const mask_word*>(begin_); }

 private:
  std::size_t bytes_;
  std::byte* begin_;
};
TEST_CASE("2^32 kept weights are counted, though offsets have 32 bits") {
  constexpr index_t rows = index_t{1} << 24, cols = 256;
  using View = CompressedView<float, HostSpace>;
  const ManyOnes ones(static_cast<std::size_t>(rows * cols / 64));
  std::vector<std::uint32_t> start(static_cast<std::size_t>(View::panels_for(cols) * rows) + 1);
  const MaskView<const mask_word> mask{ones.words(), rows, cols};
  const View view{rows, cols, start.data(), nullptr, nullptr};
  CHECK(Reference{}.count_kept(mask, view) == rows * cols);
  CHECK(ThrustCpp{}.count_kept(mask, view) == rows * cols);
  CHECK(start[1] == 256);
}

}  // namespace
}  // namespace pst::test

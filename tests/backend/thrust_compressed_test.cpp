// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

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

}  // namespace
}  // namespace pst::test

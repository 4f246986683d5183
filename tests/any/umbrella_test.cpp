// SPDX-License-Identifier: Apache-2.0
#include "pst/any.hpp"
#include "pst/c.h"

// What engines include costs them neither Eigen nor the policies.
#ifdef EIGEN_CORE_H
#error "pst/any.hpp includes Eigen"
#endif

#include <doctest/doctest.h>

TEST_CASE("a layer is made, trained and read through the umbrella alone") {
  pst::AnyLinear<float> layer = pst::make_linear({.method = "pst", .sparsity = 0.5}, {.in = 4, .out = 2});
  float weight[] = {1, 2, 3, 4, 5, 6, 7, 8}, x[] = {1, 1, 1, 1}, y[2];
  layer.attach(pst::MatrixView<float>{weight, 2, 4});
  layer.begin_step(1, 1);
  layer.forward({x, 1, 4}, {y, 1, 2});
  CHECK(layer.kept() == 4);
  CHECK(y[0] == 0);
  CHECK(y[1] == 26);
}

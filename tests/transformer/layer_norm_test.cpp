// SPDX-License-Identifier: Apache-2.0
#include "transformer/layer_norm.hpp"

#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::Mat;

TEST_CASE("layer norm gives rows of mean 0 and variance 1") {
  LayerNorm<double> norm{"norm", 6};
  LayerNorm<double>::Tape tape;
  Mat y;
  norm.forward(test::normal(3, 6, 1, 4.0), tape, y);
  for (index_t row = 0; row < y.rows(); ++row) {
    CHECK(std::abs(y.row(row).mean()) < 1e-12);
    CHECK(std::abs(y.row(row).squaredNorm() / 6.0 - 1.0) < 1e-4);  // epsilon is 1e-5
  }
}

TEST_CASE("the gradients of layer norm are its finite differences") {
  LayerNorm<double> norm{"norm", 5};
  norm.gain.value = test::normal(1, 5, 2);
  norm.bias.value = test::normal(1, 5, 3);
  Mat x = test::normal(4, 5, 4), y, grad_x;
  const Mat weight = test::normal(4, 5, 5);
  LayerNorm<double>::Tape tape;
  const auto loss = [&] {
    norm.forward(x, tape, y);
    return y.cwiseProduct(weight).sum();
  };
  loss();
  norm.backward(tape, weight, grad_x);
  test::check_gradient("x", view(x), view(grad_x), loss);
  test::check_gradient("gain", view(norm.gain.value), view(norm.gain.grad), loss);
  test::check_gradient("bias", view(norm.bias.value), view(norm.bias.grad), loss);
}

TEST_CASE("layer norm may write its gradient where it reads it") {
  LayerNorm<double> norm{"norm", 5};
  LayerNorm<double>::Tape tape;
  Mat y, apart, together = test::normal(4, 5, 7);
  norm.forward(test::normal(4, 5, 6), tape, y);
  norm.backward(tape, together, apart);
  norm.backward(tape, together, together);
  CHECK(together == apart);
}

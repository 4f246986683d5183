// SPDX-License-Identifier: Apache-2.0
#include "transformer/cross_entropy.hpp"

#include <array>

#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::Mat;

TEST_CASE("cross-entropy of equal logits is the logarithm of the number of classes") {
  Mat grad;
  const std::array labels{0, 3};
  CHECK(CrossEntropy{}(Mat::Constant(2, 4, 7.0).eval(), labels, grad) == doctest::Approx(std::log(4.0)));
  CHECK(grad(0, 0) == doctest::Approx(-0.375));
  CHECK(grad(1, 0) == doctest::Approx(0.125));
}

TEST_CASE("the gradient of cross-entropy is its finite difference") {
  const std::array labels{2, 0, -1, 4};
  for (const double smoothing : {0.0, 0.1}) {
    const CrossEntropy cross_entropy{.smoothing = smoothing};
    Mat logits = test::normal(4, 5, 1, 3.0), grad, scratch;
    cross_entropy(logits, labels, grad);
    test::check_gradient("logits", view(logits), view(grad), [&] { return cross_entropy(logits, labels, scratch); });
    CHECK(grad.row(2).isZero(0.0));
  }
}

TEST_CASE("cross-entropy of huge logits is finite") {
  Mat logits(1, 2), grad;
  logits << 1e4, -1e4;
  CHECK(CrossEntropy{}(logits, std::array{1}, grad) == doctest::Approx(2e4));
  CHECK(grad.allFinite());
}

TEST_CASE("cross-entropy refuses a label that is no class") {
  Mat grad;
  CHECK_THROWS_WITH_AS(CrossEntropy{}(Mat::Zero(1, 3).eval(), std::array{3}, grad),
                       "row 0 has label 3, expected 0 to 2", pst::Error);
}

// SPDX-License-Identifier: Apache-2.0
#include "transformer/gelu.hpp"

#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::Mat;

TEST_CASE("GELU has the values of its definition") {
  Mat x(1, 3), y;
  x << -1.0, 0.0, 2.0;
  Gelu<double>{GeluForm::exact}.forward(x, y);
  CHECK(y(0, 0) == doctest::Approx(-0.15865525393145705));  // -Phi(-1), from tables of the normal distribution
  CHECK(y(0, 1) == 0.0);
  CHECK(y(0, 2) == doctest::Approx(1.9544997361036416));  // 2 Phi(2)
}

TEST_CASE("the two forms of GELU differ by less than 0.001") {
  Mat x = Mat::Zero(1, 81), exact, fast;
  for (index_t i = 0; i < x.cols(); ++i) x(0, i) = -4.0 + 0.1 * static_cast<double>(i);
  Gelu<double>{GeluForm::exact}.forward(x, exact);
  Gelu<double>{GeluForm::tanh_of}.forward(x, fast);
  CHECK((exact - fast).cwiseAbs().maxCoeff() < 1e-3);
}

TEST_CASE("the gradient of GELU is its finite difference") {
  for (const GeluForm form : {GeluForm::exact, GeluForm::tanh_of}) {
    const Gelu<double> gelu{form};
    Mat x = test::normal(3, 7, 1, 2.0), y, grad_x;
    const Mat weight = test::normal(3, 7, 2);
    const auto loss = [&] {
      gelu.forward(x, y);
      return y.cwiseProduct(weight).sum();
    };
    gelu.backward(x, weight, grad_x);
    test::check_gradient("x", view(x), view(grad_x), loss);
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "transformer/distillation.hpp"

#include <span>
#include <vector>

#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::Mat;

TEST_CASE("distillation is T^2 KL of the softened answers, and nothing where they agree") {
  Mat student(1, 2), grad;
  student << 0.0, 0.0;
  const std::vector<double> sure{std::log(9.0), 0.0};  // 0.9 and 0.1 at temperature 1
  CHECK(Distillation{.temperature = 1}.soft(student, std::span{sure}, grad) ==
        doctest::Approx(0.9 * std::log(0.9 / 0.5) + 0.1 * std::log(0.1 / 0.5)));
  CHECK(grad(0, 0) == doctest::Approx(0.5 - 0.9));
  // At temperature 2 they are 3 to 1.
  CHECK(Distillation{.temperature = 2}.soft(student, std::span{sure}, grad) ==
        doctest::Approx(4 * (0.75 * std::log(0.75 / 0.5) + 0.25 * std::log(0.25 / 0.5))));
  student << 1 + std::log(9.0), 1.0;
  CHECK(Distillation{}.soft(student, std::span{sure}, grad) == doctest::Approx(0));
  CHECK(grad.norm() < 1e-12);
}

TEST_CASE("the gradient of distillation is its finite difference") {
  const Mat teacher = test::normal(4, 5, 2, 3.0);
  const std::span numbers{teacher.data(), static_cast<std::size_t>(teacher.size())};
  for (const double temperature : {0.5, 1.0, 3.0}) {
    const Distillation distillation{.temperature = temperature};
    Mat logits = test::normal(4, 5, 1, 3.0), grad, scratch;
    distillation.soft(logits, numbers, grad);
    test::check_gradient("logits", view(logits), view(grad),
                         [&] { return distillation.soft(logits, numbers, scratch); });
  }
}

TEST_CASE("the weight of the teacher is a share of loss and gradient") {
  Mat hard(1, 2), taught(1, 2);
  hard << 1, -1;
  taught << 5, 3;
  CHECK(Distillation{.weight = 0.25}.mix(2.0, 6.0, taught, hard) == doctest::Approx(3));
  CHECK(hard(0, 0) == doctest::Approx(2));
  CHECK(hard(0, 1) == doctest::Approx(0));
}

TEST_CASE("a teacher of another shape is refused") {
  Mat grad;
  const std::vector two{1.0, 2.0};
  CHECK_THROWS_WITH_AS(Distillation{}.soft(Mat::Zero(2, 3).eval(), std::span{two}, grad),
                       "the teacher has 2 numbers for 2 rows of 3 logits, expected as many", pst::Error);
}

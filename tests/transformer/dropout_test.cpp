// SPDX-License-Identifier: Apache-2.0
#include "transformer/dropout.hpp"

#include <array>

#include "dense_encoder.hpp"
#include "gradient_check.hpp"
#include "transformer/dense_linear.hpp"
#include "transformer/encoder.hpp"

using namespace transformer;
using transformer::test::Mat;

using transformer::test::make_encoder;

TEST_CASE("dropout drops its share and keeps the mean") {
  Mat x = Mat::Ones(200, 100);
  Dropout{0.3, 5}.apply(x);
  const auto dropped = static_cast<double>((x.array() == 0.0).count()) / 20000.0;
  CHECK(dropped == doctest::Approx(0.3).epsilon(0.03));  // three deviations are 0.0097
  CHECK(x.maxCoeff() == doctest::Approx(1.0 / 0.7));
}

TEST_CASE("dropout is the same for one seed, another for another, and none for the seed 0") {
  const auto kept = [](Dropout dropout) {
    Mat x = Mat::Ones(8, 8);
    dropout.apply(x);
    return x;
  };
  CHECK(kept({0.5, 1}) == kept({0.5, 1}));
  CHECK(kept({0.5, 1}) != kept({0.5, 2}));
  CHECK(kept({0.5, 0}) == Mat::Ones(8, 8));
  CHECK(kept(Dropout{0.5, 1}.part(1)) != kept(Dropout{0.5, 1}.part(2)));
  CHECK_FALSE(Dropout{0.5, 0}.part(1).active());
}

TEST_CASE("the gradients of an encoder with dropout are the finite differences with the same seed") {
  for (const NormPlace place : {NormPlace::before, NormPlace::after})
    for (const bool together : {false, true}) {
      Encoder<double> encoder = make_encoder({.blocks = 2,
                                              .width = 6,
                                              .heads = 3,
                                              .hidden = 8,
                                              .norm = place,
                                              .together = together,
                                              .attention_dropout = 0.3,
                                              .dropout = 0.3});
      Encoder<double>::Tape tape;
      Mat x = test::normal(5, 6, 1), y, grad_x;
      const Mat weight = test::normal(5, 6, 2);
      const std::array<index_t, 2> lengths{3, 2};
      const Sequences sequences{.tokens = 3, .lengths = lengths, .packed = true, .dropout_seed = 4};
      const auto loss = [&] {
        encoder.forward(x, sequences, tape, y);
        return y.cwiseProduct(weight).sum();
      };
      loss();
      encoder.backward(sequences, tape, weight, grad_x);
      test::check_gradient("x", view(x), view(grad_x), loss);
      encoder.for_each_parameter([&](auto parameter) {
        test::check_gradient(std::string{parameter.name}, parameter.value, parameter.grad, loss);
      });
    }
}

TEST_CASE("packed sequences give the rows of padded ones") {
  for (const bool causal : {false, true}) {
    Encoder<double> encoder = make_encoder({.blocks = 2, .width = 6, .heads = 3, .hidden = 8, .causal = causal});
    Encoder<double>::Tape tape;
    const Mat x = test::normal(8, 6, 1);
    Mat packed_x(6, 6), padded, packed;
    packed_x << x.topRows(4), x.middleRows(4, 2);
    const std::array<index_t, 2> lengths{4, 2};
    encoder.forward(x, {.tokens = 4, .lengths = lengths}, tape, padded);
    encoder.forward(packed_x, {.tokens = 4, .lengths = lengths, .packed = true}, tape, packed);
    Mat expected(6, 6);
    expected << padded.topRows(4), padded.middleRows(4, 2);
    CHECK((packed - expected).cwiseAbs().maxCoeff() < 1e-12);
  }
}

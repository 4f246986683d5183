// SPDX-License-Identifier: Apache-2.0
#include "transformer/key_value_prefix.hpp"

#include <array>

#include "dense_encoder.hpp"
#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::make_encoder;
using transformer::test::Mat;

namespace {

constexpr index_t in_front = 3;

EncoderConfig small(bool causal) {
  return {.blocks = 2,
          .width = 6,
          .heads = 3,
          .hidden = 8,
          .norm = causal ? NormPlace::before : NormPlace::after,
          .causal = causal};
}

}  // namespace

TEST_CASE("the gradients of a prefix, and of what is behind it, are finite differences, and none is zero") {
  for (const bool causal : {false, true}) {
    CAPTURE(causal);
    Encoder<double> encoder = make_encoder(small(causal));
    Mat vectors = test::normal(in_front, 24, 5), grad = Mat::Zero(in_front, 24);
    encoder.set_prefix(view(std::as_const(vectors)), view(grad));
    Encoder<double>::Tape tape;
    Mat x = test::normal(5, 6, 1), y, grad_x;
    const Mat weight = test::normal(5, 6, 2);
    const std::array<index_t, 2> lengths{3, 2};
    const Sequences sequences{.tokens = 3, .lengths = lengths, .packed = true};
    const auto loss = [&] {
      encoder.forward(x, sequences, tape, y);
      return y.cwiseProduct(weight).sum();
    };
    loss();
    encoder.backward(sequences, tape, weight, grad_x);
    test::check_gradient("x", view(x), view(grad_x), loss);
    test::check_gradient("prefix", view(vectors), view(grad), loss);
    for (index_t part = 0; part < 4; ++part) CHECK_FALSE(grad.middleCols(6 * part, 6).isZero(1e-6));
    encoder.for_each_parameter([&](auto parameter) {
      if (parameter.name.find("key.bias") != std::string_view::npos)  // which acts where there are other keys than its
        CHECK(map(parameter.grad).cwiseAbs().maxCoeff() > 1e-6);
    });
  }
}

TEST_CASE("attention over a prefix is a mixture of attention over it and attention without it") {
  Encoder<double> encoder = make_encoder(small(false));
  auto& attention = encoder.blocks[0].attention;
  const Mat x = test::normal(4, 6, 1);
  Mat plain, y, keys = test::normal(in_front, 6, 3), values = test::normal(in_front, 6, 4), grad(in_front, 6);
  Attention<double>::Tape tape, with;
  Attention<double>::Scratch scratch;
  attention.forward(x, {.tokens = 4}, tape, scratch, plain);
  attention.prefix = {view(std::as_const(keys)), view(std::as_const(values)), view(grad), view(grad)};
  attention.forward(x, {.tokens = 4}, with, scratch, y);
  for (index_t head = 0; head < 3; ++head)
    for (index_t row = 0; row < 4; ++row) {
      const auto p = with.probability.row(4 * head + row);
      CHECK(p.sum() == doctest::Approx(1));
      const double mass = p.head(in_front).sum();
      const auto mixed =
          (1 - mass) * tape.context.block(row, 2 * head, 1, 2) + p.head(in_front) * values.middleCols(2 * head, 2);
      CHECK(with.context.block(row, 2 * head, 1, 2).isApprox(mixed, 1e-10));
    }
}

TEST_CASE("with a prefix, the cache gives what a whole forward gives") {
  Encoder<double> encoder = make_encoder(small(true));
  const Mat vectors = test::normal(in_front, 24, 5);
  Mat grad(in_front, 24);
  encoder.set_prefix(view(vectors), view(grad));
  const Mat x = test::normal(4, 6, 1);
  Encoder<double>::Tape tape, cached;
  Mat y, first, second;
  encoder.forward(x, {.tokens = 4}, tape, y);
  KeyValueCache<double> cache{2, 6, 8, 1};
  const std::array<index_t, 1> three{3}, one{1};
  encoder.extend(x.topRows(3), three, cache, cached, first);
  encoder.extend(x.bottomRows(1), one, cache, cached, second);
  CHECK(first.isApprox(y.topRows(3), 1e-10));
  CHECK(second.isApprox(y.bottomRows(1), 1e-10));
}

TEST_CASE("a prefix that is taken away leaves the encoder as it was, and one of another shape is refused") {
  Encoder<double> encoder = make_encoder(small(true));
  const Mat x = test::normal(4, 6, 1), vectors = test::normal(in_front, 24, 5);
  Encoder<double>::Tape tape;
  Mat before, with, after, grad(in_front, 24), narrow(in_front, 23);
  encoder.forward(x, {.tokens = 4}, tape, before);
  encoder.set_prefix(view(vectors), view(grad));
  encoder.forward(x, {.tokens = 4}, tape, with);
  CHECK_FALSE(with.isApprox(before, 1e-3));
  encoder.set_prefix({}, {});
  encoder.forward(x, {.tokens = 4}, tape, after);
  CHECK(after == before);
  CHECK_THROWS_WITH_AS(encoder.set_prefix(view(vectors), view(narrow)),
                       "a prefix is 3 x 24 and its gradient 3 x 23, expected 24 columns and as many rows in both",
                       pst::Error);
}

// SPDX-License-Identifier: Apache-2.0
#include "transformer/attention.hpp"

#include <array>

#include "gradient_check.hpp"
#include "transformer/dense_linear.hpp"

using namespace transformer;
using transformer::test::Mat;

namespace {

/// Two heads of width 3.
Attention<double> make_attention(bool causal) {
  const pst::Shape square{.in = 6, .out = 6};
  Attention<double> made{.query = dense_projection<double>("query", square),
                         .key = dense_projection<double>("key", square),
                         .value = dense_projection<double>("value", square),
                         .output = dense_projection<double>("output", square),
                         .heads = 2,
                         .causal = causal};
  std::uint64_t seed = 10;
  made.for_each_projection([&](auto& projection) {
    projection.weight = test::normal(6, 6, ++seed, 0.5);
    projection.bias = test::normal(1, 6, ++seed, 0.5);
    projection.attach();
    projection.layer.begin_step(0, 1);
  });
  return made;
}

}  // namespace

TEST_CASE("attention probabilities are positive and sum to 1 over the tokens that are seen") {
  const std::array<index_t, 2> lengths{4, 2};
  Attention<double> attention = make_attention(true);
  Attention<double>::Tape tape;
  Attention<double>::Scratch scratch;
  Mat y;
  attention.forward(test::normal(8, 6, 1), {.tokens = 4, .lengths = lengths}, tape, scratch, y);
  for (index_t row = 0; row < tape.probability.rows(); ++row) {
    const index_t token = row % 4, sequence = row / 8;
    CHECK(tape.probability.row(row).sum() == doctest::Approx(1.0));
    for (index_t seen = 0; seen < 4; ++seen) {
      const bool visible = seen <= token && seen < lengths[static_cast<std::size_t>(sequence)];
      CHECK((tape.probability(row, seen) > 0.0) == visible);
    }
  }
}

TEST_CASE("what comes later does not change what causal attention says of the tokens before") {
  Attention<double> attention = make_attention(true);
  Attention<double>::Tape tape;
  Attention<double>::Scratch scratch;
  Mat x = test::normal(5, 6, 1), before, after;
  attention.forward(x, {.tokens = 5}, tape, scratch, before);
  x.row(4).setConstant(3.0);
  attention.forward(x, {.tokens = 5}, tape, scratch, after);
  CHECK(before.topRows(4) == after.topRows(4));
  CHECK(before.row(4) != after.row(4));
}

TEST_CASE("the gradients of attention are its finite differences") {
  const std::array<index_t, 2> padded{4, 2};
  for (const bool causal : {false, true})
    for (const bool with_padding : {false, true}) {
      const Sequences sequences{4, with_padding ? std::span<const index_t>{padded} : std::span<const index_t>{}};
      Attention<double> attention = make_attention(causal);
      Attention<double>::Tape tape;
      Attention<double>::Scratch scratch;
      Mat x = test::normal(8, 6, 1), y, grad_x;
      const Mat weight = test::normal(8, 6, 2);
      const auto loss = [&] {
        attention.forward(x, sequences, tape, scratch, y);
        return y.cwiseProduct(weight).sum();
      };
      loss();
      attention.backward(x, sequences, tape, scratch, weight, grad_x);
      test::check_gradient("x", view(x), view(grad_x), loss);
      attention.for_each_projection([&](auto& projection) {
        projection.layer.for_each_parameter([&](auto parameter) {
          test::check_gradient(std::string{parameter.name}, parameter.value, parameter.grad, loss);
        });
      });
    }
}

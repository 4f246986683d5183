// SPDX-License-Identifier: Apache-2.0
#include "transformer/embedding.hpp"

#include <array>

#include "gradient_check.hpp"

using namespace transformer;
using transformer::test::Mat;

TEST_CASE("the gradient of a token embedding is its finite difference, repeated tokens included") {
  TokenEmbedding<double> embedding{"words", 5, 3};
  embedding.table.value = test::normal(5, 3, 1);
  const std::array ids{4, 0, 4, 2};
  const Mat weight = test::normal(4, 3, 2);
  Mat y;
  embedding.backward(ids, weight);
  test::check_gradient("table", view(embedding.table.value), view(embedding.table.grad), [&] {
    embedding.forward(ids, y);
    return y.cwiseProduct(weight).sum();
  });
}

TEST_CASE("a token embedding refuses an id that is not in its table") {
  TokenEmbedding<double> embedding{"words", 5, 3};
  Mat y;
  CHECK_THROWS_WITH_AS(embedding.forward(std::array{1, 5}, y), "token 1 has id 5, expected 0 to 4 for words",
                       pst::Error);
}

TEST_CASE("the gradient of a position embedding is its finite difference over several sequences") {
  PositionEmbedding<double> embedding{"position", 4, 2};
  embedding.table.value = test::normal(4, 2, 1);
  const Mat x = test::normal(6, 2, 2), weight = test::normal(6, 2, 3);
  embedding.backward(weight, 3);
  test::check_gradient("table", view(embedding.table.value), view(embedding.table.grad), [&] {
    Mat y = x;
    embedding.forward(y, 3);
    return y.cwiseProduct(weight).sum();
  });
}

TEST_CASE("the gradients of a patch embedding are its finite differences, hidden patches included") {
  PatchEmbedding<double> embedding{"patch", 4, 3};
  embedding.projection.value = test::normal(4, 3, 1);
  embedding.bias.value = test::normal(1, 3, 2);
  embedding.hidden.value = test::normal(1, 3, 3);
  const Mat patches = test::normal(5, 4, 4), weight = test::normal(5, 3, 5);
  const std::array<std::uint8_t, 5> hidden{0, 1, 0, 0, 1};
  Mat y;
  const auto loss = [&] {
    embedding.forward(patches, hidden, y);
    return y.cwiseProduct(weight).sum();
  };
  loss();
  embedding.backward(patches, hidden, weight);
  embedding.for_each_parameter([&](auto parameter) {
    test::check_gradient(std::string{parameter.name}, parameter.value, parameter.grad, loss);
  });
}

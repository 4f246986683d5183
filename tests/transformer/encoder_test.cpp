// SPDX-License-Identifier: Apache-2.0
#include "transformer/encoder.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "dense_encoder.hpp"
#include "gradient_check.hpp"
#include "transformer/cross_entropy.hpp"
#include "transformer/dense_linear.hpp"

using namespace transformer;
using transformer::test::Mat;

using transformer::test::make_encoder;

TEST_CASE("the gradients of a whole encoder are its finite differences") {
  const std::array labels{1, 4, 0, 2, 5, 3};
  for (const NormPlace place : {NormPlace::before, NormPlace::after})
    for (const GeluForm form : {GeluForm::exact, GeluForm::tanh_of}) {
      Encoder<double> encoder = make_encoder({.blocks = 2,
                                              .width = 6,
                                              .heads = 3,
                                              .hidden = 8,
                                              .norm = place,
                                              .gelu = form,
                                              .causal = form == GeluForm::tanh_of});
      Encoder<double>::Tape tape;
      Mat x = test::normal(6, 6, 1), y, grad_y, grad_x, scratch;
      const auto loss = [&] {
        encoder.forward(x, {.tokens = 3}, tape, y);
        return CrossEntropy{}(y, labels, scratch);
      };
      loss();
      CrossEntropy{}(y, labels, grad_y);
      encoder.backward({.tokens = 3}, tape, grad_y, grad_x);
      test::check_gradient("x", view(x), view(grad_x), loss);
      encoder.for_each_parameter([&](auto parameter) {
        test::check_gradient(std::string{parameter.name}, parameter.value, parameter.grad, loss);
      });
    }
}

TEST_CASE("backward ends below the lowest block that trains, and what trains has the same gradient") {
  for (const NormPlace place : {NormPlace::before, NormPlace::after}) {
    Encoder<double> encoder = make_encoder({.blocks = 3, .width = 6, .heads = 3, .hidden = 8, .norm = place});
    Encoder<double>::Tape tape;
    const Mat x = test::normal(6, 6, 1), weight = test::normal(6, 6, 2);
    Mat y, grad_x;
    const auto gradients = [&](index_t lowest) {
      encoder.lowest_trained = lowest;
      encoder.begin_step(0, 1);
      encoder.forward(x, {.tokens = 3}, tape, y);
      encoder.backward({.tokens = 3}, tape, weight, grad_x);
      std::vector<Mat> found;
      encoder.for_each_parameter([&](auto parameter) { found.push_back(map(parameter.grad)); });
      return found;
    };
    const std::vector<Mat> all = gradients(0);
    CHECK(grad_x.rows() == 6);
    const std::vector<Mat> last = gradients(2);
    CHECK(grad_x.size() == 0);
    std::size_t i = 0;
    encoder.for_each_parameter([&](auto parameter) {
      INFO(std::string{parameter.name});
      const bool below = parameter.name.starts_with("block0") || parameter.name.starts_with("block1");
      CHECK((below ? last[i].isZero(0) : last[i] == all[i]));
      CHECK_FALSE(all[i].isZero(0));
      ++i;
    });
  }
}

TEST_CASE("the input gradient of an encoder of half-sparse pst layers is its finite difference") {
  Encoder<double> encoder{{.blocks = 2, .width = 6, .heads = 3, .hidden = 8},
                          layers_of<double>(pst::read_spec("magnitude sparsity=0.5 schedule=constant"))};
  std::mt19937_64 random{7};
  encoder.for_each_projection([&](auto& projection) { projection.initialise(random); });
  encoder.attach();
  encoder.begin_step(0, 1);
  Encoder<double>::Tape tape;
  Mat x = test::normal(6, 6, 1), y, grad_x;
  const Mat weight = test::normal(6, 6, 2);
  const auto loss = [&] {
    encoder.forward(x, {.tokens = 3}, tape, y);
    return y.cwiseProduct(weight).sum();
  };
  loss();
  encoder.backward({.tokens = 3}, tape, weight, grad_x);
  test::check_gradient("x", view(x), view(grad_x), loss);
  encoder.for_each_projection([](auto& projection) { CHECK(2 * projection.layer.kept() == projection.weight.size()); });
}

TEST_CASE("layers of different methods share one budget where they say so") {
  const auto choose = [](const std::string& name) {
    const bool attends = name.find("feed") == std::string::npos;
    return pst::read_spec(std::string{attends ? "pst" : "magnitude"} +
                          " selector=global sparsity=0.5 schedule=constant");
  };
  Encoder<double> encoder{{.blocks = 2, .width = 6, .heads = 3, .hidden = 8}, layers_by_name<double>(choose)};
  std::mt19937_64 random{7};
  encoder.for_each_projection([&](auto& projection) {
    projection.initialise(random);
    if (projection.name.find("feed") != std::string::npos) projection.weight *= 0.1;
  });
  encoder.attach();
  encoder.begin_step(1, 1);
  index_t kept = 0, all = 0, of_feed = 0;
  encoder.for_each_projection([&](auto& projection) {
    kept += projection.layer.kept();
    all += projection.weight.size();
    if (projection.name.find("feed") != std::string::npos) of_feed += projection.layer.kept();
  });
  CHECK(2 * kept == all);
  CHECK(of_feed < kept / 10);
}

TEST_CASE("gradients of micro-batches add up to the gradient of the batch") {
  Encoder<double> encoder = make_encoder({.blocks = 1, .width = 4, .heads = 2, .hidden = 5});
  Encoder<double>::Tape tape;
  const Mat x = test::normal(8, 4, 1), weight = test::normal(8, 4, 2);
  Mat y, grad_x;
  const auto gradients = [&](index_t rows) {
    encoder.begin_step(0, 1);
    for (index_t first = 0; first < x.rows(); first += rows) {
      encoder.forward(x.middleRows(first, rows), {.tokens = 2}, tape, y);
      encoder.backward({.tokens = 2}, tape, weight.middleRows(first, rows), grad_x);
    }
    double sum = 0.0;
    encoder.for_each_parameter([&](auto parameter) { sum += map(parameter.grad).cwiseAbs().sum(); });
    return sum;
  };
  CHECK(gradients(2) == doctest::Approx(gradients(8)).epsilon(1e-12));
}

TEST_CASE("layers are named by their block and their place in it") {
  Encoder<double> encoder = make_encoder({.blocks = 2, .width = 4, .heads = 1, .hidden = 4});
  std::string names;
  encoder.for_each_projection([&](auto& projection) {
    projection.layer.for_each_parameter([&](auto parameter) {
      if (parameter.group == pst::ParameterGroup::weight) names += std::string{parameter.name} + ' ';
    });
  });
  CHECK(names ==
        "block0.query.weight block0.key.weight block0.value.weight block0.attention_output.weight "
        "block0.feed_in.weight block0.feed_out.weight block1.query.weight block1.key.weight block1.value.weight "
        "block1.attention_output.weight block1.feed_in.weight block1.feed_out.weight ");
}

TEST_CASE("an encoder refuses heads that do not divide its width") {
  CHECK_THROWS_WITH_AS((Encoder<double>{{.width = 6, .heads = 4}, dense_layers<double>()}),
                       "an encoder of width 6 cannot have 4 heads: choose a divisor of the width", pst::Error);
}

TEST_CASE("an encoder refuses tokens that do not fit the cache or one another, and changes nothing") {
  Encoder<double> encoder = make_encoder({.blocks = 2, .width = 6, .heads = 3, .hidden = 8, .causal = true});
  Encoder<double>::Tape tape;
  Mat y;
  KeyValueCache<double> cache{2, 6, 10, 2};
  const auto extend = [&](index_t rows, index_t cols, std::vector<index_t> added, KeyValueCache<double>& of) {
    encoder.extend(test::normal(rows, cols, 1), added, of, tape, y);
  };
  const auto refused = [&](index_t rows, index_t cols, std::vector<index_t> added, const char* text) {
    CHECK_THROWS_WITH_AS(extend(rows, cols, added, cache), text, pst::Error);
    CHECK(std::ranges::count(cache.lengths(), 0) == 2);
  };
  constexpr index_t huge = std::numeric_limits<index_t>::max();
  const std::string expected = ", expected as many rows as tokens are added and 6 columns";
  refused(3, 6, {2, 2}, ("x is 3 x 6" + expected).c_str());
  refused(5, 6, {2, 2}, ("x is 5 x 6" + expected).c_str());
  refused(4, 5, {2, 2}, ("x is 4 x 5" + expected).c_str());
  refused(4, 6, {huge, 6}, ("x is 4 x 6" + expected).c_str());
  refused(2, 6, {4, -2}, "-2 tokens are added to a sequence, expected 0 or more");
  refused(2, 6, {2}, "tokens of 1 sequences are added, a cache has 2");
  KeyValueCache<double> shallow{1, 6, 10, 2}, wide{2, 8, 10, 2};
  CHECK_THROWS_WITH_AS(extend(4, 6, {2, 2}, shallow),
                       "the cache is for 1 blocks of width 6, the encoder has 2 of width 6", pst::Error);
  CHECK_THROWS_WITH_AS(extend(4, 6, {2, 2}, wide), "the cache is for 2 blocks of width 8, the encoder has 2 of width 6",
                       pst::Error);
  extend(3, 6, {0, 3}, cache);
  CHECK(cache.lengths()[1] == 3);
  CHECK(y.rows() == 3);
}

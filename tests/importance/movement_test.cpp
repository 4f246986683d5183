// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/movement.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("movement adds its trained scores, and their gradient is that of the scores", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  MetricOn<T, Movement> metric{Draw{1}.grid<Scalar>(37, 21)};
  CHECK(metric.parameters() == 1);
  CHECK(distance(metric.added_scores(), HostMatrix<double>(37, 21)) == 0);
  const auto trained = Draw{2}.grid<Scalar>(37, 21), grad_scores = Draw{3}.grid<Scalar>(37, 21);
  const auto parameter = metric.parameter("score.S");
  assign(parameter.value, trained);
  CHECK(parameter.group == ParameterGroup::score);
  CHECK(distance(metric.added_scores(), trained) == 0);
  CHECK(distance(metric.backward(grad_scores), HostMatrix<double>(37, 21)) == 0);
  CHECK(distance(parameter.grad, grad_scores.view()) == 0);
  metric.backward(grad_scores);
  CHECK(parameter.grad(36, 20) == 2 * grad_scores(36, 20));
  CHECK(metric.state.persistent_bytes() == 0);  // scores and gradients are in the layer's runs
}

TEST_CASE_TEMPLATE("movement's scores begin at a multiple of the weights' absolutes", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  const auto weight = Draw{4}.grid<Scalar>(37, 21);
  MetricOn<T, Movement> metric{weight, {.start = 10}};
  const auto scores = metric.parameter("score.S").value;
  for (index_t r = 0; r < 37; ++r)
    for (index_t c = 0; c < 21; ++c) REQUIRE(scores(r, c) == Scalar{10} * std::abs(weight(r, c)));
  for (const double refused : {-1.0, std::nan(""), 1e300, HUGE_VAL})
    CHECK_THROWS_WITH_AS((MetricOn<T, Movement>{weight, {.start = refused}}),
                         doctest::Contains("the start of movement's scores is"), Error);
}

TEST_CASE("a layer whose movement starts from magnitudes prunes the smallest weights first") {
  using Layer = SparseLinear<>::with<Movement>::with<Full>::with<ConstantSchedule>::with<Reference>;
  auto weight = Draw{5}.normal<float>(12, 20);
  Layer layer{{.in = 20, .out = 12}, {.importance = {.start = 0.5}, .schedule = {.sparsity = 0.5}}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  float largest_pruned = 0, smallest_kept = HUGE_VALF;
  const auto mask = unpacked(layer.mask());
  for (std::size_t n = 0; n < mask.size(); ++n) {
    const float size = std::abs(weight(static_cast<index_t>(n) / 20, static_cast<index_t>(n) % 20));
    if (mask[n] == 0)
      largest_pruned = std::max(largest_pruned, size);
    else
      smallest_kept = std::min(smallest_kept, size);
  }
  CHECK(layer.report().achieved_sparsity() == 0.5);
  CHECK(largest_pruned < smallest_kept);
}

/// Learned masking: the mask of a frozen weight.
template <class T>
using MaskingLayer = SparseLinear<typename T::scalar, Movement, Frozen, Threshold, ConstantSchedule, MaskedGradient,
                                  FrozenBias, typename T::backend>;

TEST_CASE_TEMPLATE("masking begins with a fraction of the weights masked, and dS = G .* W0 for all of them", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  constexpr index_t out = 90, in = 70, tokens = 5;
  const auto weight = Draw{1}.normal<Scalar>(out, in);
  MaskingLayer<T> layer{{.in = in, .out = out},
                        {.importance = {.drawn = masking_range(0.01, 0.2)}, .selector = {.value = 0.01}, .seed = 3}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  const auto scores = parameter_of(layer, "score.S");
  const oracle::Mask mask = unpacked(layer.mask());
  HostMatrix<double> expected(out, in), masked(out, in);
  for (index_t r = 0; r < out; ++r)
    for (index_t c = 0; c < in; ++c) {
      const double score = static_cast<double>(scores.value(r, c));
      REQUIRE(score >= -0.02);
      REQUIRE(score <= (0.02 + 0.01) / 0.2 - 0.02 + 1e-7);
      const bool kept = static_cast<Scalar>(score) > static_cast<Scalar>(0.01);
      REQUIRE((mask[static_cast<std::size_t>(r * in + c)] == 1) == kept);
      masked(r, c) = kept ? static_cast<double>(weight(r, c)) : 0.0;
    }
  CHECK(layer.report().achieved_sparsity() == doctest::Approx(0.2).epsilon(0.08));
  HostMatrix<Scalar> exported(out, in);
  layer.export_masked(exported.view());
  CHECK(distance(exported, masked) == 0);
  const auto x = Draw{4}.normal<Scalar>(tokens, in), grad_y = Draw{5}.normal<Scalar>(tokens, out);
  layer.backward(x.view(), grad_y.view());
  for (index_t r = 0; r < out; ++r)
    for (index_t c = 0; c < in; ++c)
      for (index_t t = 0; t < tokens; ++t)
        expected(r, c) +=
            static_cast<double>(grad_y(t, r)) * static_cast<double>(x(t, c)) * static_cast<double>(weight(r, c));
  CHECK(distance(copy_of(scores.grad), expected) <= tolerances<Scalar>::value);
  CHECK(layer.report().trainable == out * in);
}

TEST_CASE("scores that masking cannot begin with are refused") {
  CHECK(masking_range() == ScoreRange{-0.02, (0.02 + 0.01) / 0.05 - 0.02});
  CHECK(error_of([] { static_cast<void>(masking_range(0.01, 0.0)); }) ==
        "scores of which 0 lie below 0.01 are drawn from -0.02 on, expected a fraction above 0 and up to 1, and a "
        "threshold above -0.02");
  CHECK_THROWS_AS(static_cast<void>(masking_range(-0.02, 0.5)), Error);
  const auto weight = Draw{4}.grid<float>(3, 2);
  CHECK(error_of([&] {
          MetricOn<ReferenceFloat, Movement>{weight, {.start = 1, .drawn = {-1, 1}}};
        }) ==
        "movement's scores begin at 1 times abs(W) and are drawn from -1 to 1, expected one of them, and a range "
        "that rises");
}

}  // namespace
}  // namespace pst::test

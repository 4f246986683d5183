// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/sparse_linear.hpp"

#include <doctest/doctest.h>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

struct Case {
  Shape shape;
  index_t tokens, delta_rank, score_rank;
  double sparsity;
  bool grid;  ///< numbers whose products and sums are exact: scores tie, and the mask must be that of the oracle
};

/// The corners first, then random shapes.
std::vector<Case> all_cases() {
  std::vector<Case> cases{
      {{1, 1}, 1, 1, 1, 0.0, true},      {{1, 1}, 3, 2, 3, 0.999999, false}, {{1, 23}, 3, 2, 5, 0.5, true},
      {{23, 1}, 3, 5, 2, 0.5, true},     {{7, 5}, 0, 3, 2, 0.5, true},       {{7, 5}, 1, 9, 11, 0.9, false},
      {{64, 9}, 64, 3, 2, 0.5, true},    {{65, 33}, 65, 2, 70, 0.9, false},  {{67, 40}, 130, 8, 8, 0.9, true},
      {{128, 3}, 130, 1, 1, 0.5, false}, {{12, 130}, 3, 4, 4, 0.0, false},   {{31, 29}, 64, 40, 35, 0.999999, true},
      {{300, 17}, 65, 3, 4, 0.7, false}, {{150, 120}, 5, 3, 4, 0.6, true},
  };
  Draw draw{7};
  for (int n = 0; n < 8; ++n) {
    const double sparsities[] = {0.1, 0.5, 0.9, 0.75};
    cases.push_back({{draw.between(1, 90), draw.between(1, 90)},
                     draw.between(1, 140),
                     draw.between(1, 12),
                     draw.between(1, 12),
                     sparsities[n % 4],
                     n % 2 == 0});
  }
  return cases;
}

oracle::Problem problem_of(const Case& now, Draw& draw) {
  const auto make = [&](index_t rows, index_t cols) {
    return now.grid ? draw.grid<double>(rows, cols) : draw.normal<double>(rows, cols);
  };
  const auto [in, out] = now.shape;
  return {make(out, in),
          make(out, now.delta_rank),
          make(now.delta_rank, in),
          make(out, now.score_rank),
          make(now.score_rank, in),
          make(out, 1),
          make(1, in),
          0.5,
          2.0,
          0.25};
}

template <class Layer>
void set_factors(Layer& layer, const oracle::Problem& p) {
  assign(parameter_of(layer, "delta.U").value, p.u);
  assign(parameter_of(layer, "delta.V").value, p.v);
  assign(parameter_of(layer, "score.A").value, p.a);
  assign(parameter_of(layer, "score.B").value, p.b);
  assign(parameter_of(layer, "score.R").value, p.r);
  assign(parameter_of(layer, "score.C").value, p.c);
}

/// The mask prunes trunc(size * sparsity) weights; all below the threshold and none above it, but for rounding.
template <class Scalar>
void check_mask(const oracle::Mask& mask, const oracle::Mat& score, const oracle::Mask& truth, bool exact) {
  if (exact) {
    CHECK(mask == truth);
    return;
  }
  CHECK(kept_in(mask) == kept_in(truth));
  double highest_pruned = -1e300, lowest_kept = 1e300, largest = 0;
  for (index_t o = 0; o < score.rows(); ++o)
    for (index_t i = 0; i < score.cols(); ++i) {
      const bool kept = mask[oracle::at(score, o, i)] != 0;
      if (kept) lowest_kept = std::min(lowest_kept, score(o, i));
      if (!kept) highest_pruned = std::max(highest_pruned, score(o, i));
      largest = std::max(largest, std::abs(score(o, i)));
    }
  CHECK(highest_pruned - lowest_kept <= tolerances<Scalar>::value * (1 + largest));
}

template <class T, class StraightThrough>
void check_step(const Case& now, oracle::Rule rule, double dense_above_density) {
  using Scalar = typename T::scalar;
  using Layer = PstLayer<T, StraightThrough>;
  CAPTURE(now.shape.in);
  CAPTURE(now.shape.out);
  CAPTURE(now.tokens);
  CAPTURE(now.sparsity);
  CAPTURE(dense_above_density);
  const auto [in, out] = now.shape;
  Draw draw{static_cast<std::uint64_t>(1000 * in + out)};
  oracle::Problem problem = problem_of(now, draw);
  problem.rule = rule;
  const auto bias = draw.normal<double>(1, out), x = draw.normal<double>(now.tokens, in),
             grad_y = draw.normal<double>(now.tokens, out);

  typename Layer::Options options{.schedule = {.sparsity = now.sparsity}, .dense_above_density = dense_above_density};
  options.importance.template term<LowRankScore<DynamicRank>>() = {problem.alpha1, {now.score_rank}};
  options.importance.template term<RowColumnScore>().scale = problem.alpha2;
  options.delta = {problem.beta, {now.delta_rank}};
  Layer layer{now.shape, options};
  const auto weight = problem.weight.as<Scalar>(5);
  auto attached_bias = bias.as<Scalar>(2);
  layer.attach(weight.view(), attached_bias.view());
  set_factors(layer, problem);
  layer.begin_step(0.5);

  const oracle::Mat effective = oracle::effective_weight(problem), score = oracle::scores(problem, effective);
  const oracle::Mask mask = unpacked(layer.mask());
  check_mask<Scalar>(mask, score, oracle::lowest_pruned(score, now.sparsity), now.grid);
  CHECK(layer.kept() == kept_in(mask));

  const auto x_here = x.as<Scalar>(3), grad_y_here = grad_y.as<Scalar>(7);
  HostMatrix<Scalar> y(now.tokens, out, 4), grad_x(now.tokens, in, 6);
  y.fill(17), grad_x.fill(17);  // forward and backward overwrite
  layer.forward(x_here.view(), y.view());
  layer.backward(x_here.view(), grad_y_here.view(), grad_x.view());
  const oracle::Gradients truth = oracle::backward(problem, effective, mask, x, grad_y);
  constexpr double near = tolerances<Scalar>::value;
  CHECK(distance(y, oracle::forward(effective, mask, x, bias)) <= near);
  CHECK(distance(grad_x, truth.x) <= near);
  CHECK(y.gap_is_untouched());
  CHECK(grad_x.gap_is_untouched());
  const auto check_gradient = [&](const char* name, const oracle::Mat& expected) {
    CAPTURE(name);
    CHECK(distance(parameter_of(layer, name).grad, expected.view()) <= near);
  };
  check_gradient("delta.U", truth.u);
  check_gradient("delta.V", truth.v);
  check_gradient("score.A", truth.a);
  check_gradient("score.B", truth.b);
  check_gradient("score.R", truth.r);
  check_gradient("score.C", truth.c);
  check_gradient("bias", truth.bias);
}

TEST_CASE_TEMPLATE("one step of PST gives the mask, outputs and gradients of the equations", T, ReferenceFloat,
                   ReferenceDouble, EigenFloat, EigenDouble, PartsFloat) {
  for (const Case& now : all_cases())
    for (double dense_above_density : {0.0, 1.0})
      check_step<T, ReferenceGradient>(now, oracle::Rule::reference, dense_above_density);
}
TEST_CASE_TEMPLATE("the masked rule teaches kept weights alone and the dense rule all of them", T, ReferenceDouble,
                   EigenFloat, PartsFloat) {
  for (const Case& now : all_cases()) {
    check_step<T, MaskedGradient>(now, oracle::Rule::masked, 1.0);
    check_step<T, DenseGradient>(now, oracle::Rule::dense, 0.0);
  }
}

}  // namespace
}  // namespace pst::test

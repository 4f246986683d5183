// SPDX-License-Identifier: Apache-2.0
#include "pst/adapter/kronecker_projection.hpp"

#include <cmath>
#include <memory>

#include "adapter/branch_tools.hpp"
#include "pst/adapter/bottleneck.hpp"
#include "pst/core/shared_parameter.hpp"

namespace pst::test {
namespace {

using KroneckerBottleneck = BottleneckOf<KroneckerProjection>;
static_assert(Projection<KroneckerProjection, EigenCpu, float>);

KroneckerBottleneck own_rule(index_t width, index_t parts, index_t rank, double scale = 1.0) {
  return {.width = width, .scale = scale, .projection = {.parts = parts, .rank = rank, .shares_rule = false}};
}

/// Two branches behind one another, x + A(x) and then of that, which share a rule; everything is drawn.
template <class T>
struct Sharing {
  using Scalar = typename T::scalar;
  using Backend = typename T::backend;
  using State = KroneckerBottleneck::State<Backend, Scalar>;

  Backend on{};
  SharedParameter<Backend, Scalar> rule;
  State first, second;
  typename State::Tape first_tape{}, second_tape{};
  HostMatrix<Scalar> x, middle, y, grad_y;

  Sharing(const KroneckerBottleneck& branch, index_t tokens, index_t features)
      : rule{"rule", ParameterGroup::delta, branch.projection.parts * branch.projection.parts, branch.projection.parts},
        first{branch, on, features, "a", 1, rule.parameter()},
        second{branch, on, features, "b", 2, rule.parameter()},
        x{Draw{1}.normal<Scalar>(tokens, features)},
        middle{tokens, features},
        y{tokens, features},
        grad_y{Draw{2}.normal<Scalar>(tokens, features)} {
    draw_rule(on, rule.value(), 0.5, 3);
  }
  double loss() {
    middle = x;
    first.forward(on, std::as_const(x).view(), middle.view(), first_tape);
    y = middle;
    second.forward(on, std::as_const(middle).view(), y.view(), second_tape);
    double sum = 0;
    for (index_t r = 0; r < y.rows(); ++r)
      for (index_t c = 0; c < y.cols(); ++c) sum += static_cast<double>(y(r, c)) * static_cast<double>(grad_y(r, c));
    return sum;
  }
  HostMatrix<Scalar> rule_gradient() {
    loss();
    first.zero_gradients(on), second.zero_gradients(on), rule.zero_gradients(on);
    HostMatrix<Scalar> grad_middle = grad_y, grad_x(x.rows(), x.cols());
    second.backward(on, std::as_const(middle).view(), second_tape, std::as_const(grad_y).view(), grad_middle.view());
    grad_x = grad_middle;
    first.backward(on, std::as_const(x).view(), first_tape, std::as_const(grad_middle).view(), grad_x.view());
    HostMatrix<Scalar> found(rule.value().rows, rule.value().cols);
    on.map(found.view(), functors::Identity{}, ViewOn<Backend, const Scalar>{rule.grad()});
    return found;
  }
};

TEST_CASE_TEMPLATE("the gradients of Kronecker products are their finite differences", T, ReferenceDouble,
                   PartsDouble) {
  check_branch_gradients<T>(own_rule(4, 2, 1, 0.75));
  check_branch_gradients<T>(own_rule(4, 2, 3));
  check_branch_gradients<T>(own_rule(6, 3, 2));
  check_branch_gradients<T>(own_rule(4, 1, 2));
}
TEST_CASE("gradients of Kronecker products add up over batches") {
  check_gradients_add_up<EigenDouble>(own_rule(4, 2, 2));
}
TEST_CASE("Kronecker products have the same results on every backend, and for any number of threads") {
  check_branch_backends(own_rule(8, 4, 2, 4.0), 300, 160);
  check_branch_backends(own_rule(3, 1, 1), 1, 1);
}
TEST_CASE_TEMPLATE("two branches add to one gradient of the rule that they share, which is its finite difference", T,
                   ReferenceDouble, PartsDouble) {
  Sharing<T> at{{.width = 4, .projection = {.parts = 2, .rank = 2}}, 9, 6};
  const auto found = at.rule_gradient();
  HostMatrix<double> expected(4, 2);
  for (index_t r = 0; r < 4; ++r)
    for (index_t c = 0; c < 2; ++c)
      expected(r, c) = central_difference(at.rule.value()(r, c), [&] { return at.loss(); });
  CHECK(distance(found, expected) <= difference_tolerance);
  at.first.for_each_parameter([](const auto& each) { CHECK(each.name.find("rule") == std::string_view::npos); });
  CHECK(at.first.parameters() == 2 * 2 * (6 + 4) + 4 + 6);
}
TEST_CASE("a shared rule gets the same bits for any number of threads, and what it got is zeroed by its owner alone") {
  const KroneckerBottleneck branch{.width = 12, .projection = {.parts = 4, .rank = 2}};
  Sharing<EigenFloat> many{branch, 300, 160}, alone{branch, 300, 160};
  alone.on = EigenCpu{1};
  const auto gradient = many.rule_gradient();
  CHECK(distance(alone.rule_gradient(), gradient) == 0);
  CHECK(distance(alone.y, many.y) == 0);
  many.first.zero_gradients(many.on);
  CHECK(many.rule.grad()(0, 0) == gradient(0, 0));
  many.rule.zero_gradients(many.on);
  CHECK(many.rule.grad()(0, 0) == 0);
  many.first.for_each_parameter([](const auto& each) { CHECK(each.grad(0, 0) == 0); });
}
TEST_CASE("the weight is the transpose of a sum of Kronecker products, block by block") {
  Reference on;
  constexpr index_t parts = 3, rank = 2, in = 6, out = 9;
  KroneckerProjection::State<Reference, double> state{
      {.parts = parts, .rank = rank, .shares_rule = false, .rule_deviation = 1.0}, on, {.in = in, .out = out}, "a", {}};
  state.begin(on, ProjectionStart::normal, 1.0, 3);
  state.compute(on);
  std::vector<MatrixView<const double>> of;  // left, right, rule
  state.for_each_parameter([&](const auto& each) { of.push_back(each.value); });
  REQUIRE(of.size() == 3);
  HostMatrix<double> h(in, out);
  for (index_t k = 0; k < parts; ++k) {
    HostMatrix<double> product(in / parts, out / parts);
    on.gemm(1.0, of[0].middle_rows(k * in / parts, in / parts), of[1].middle_rows(k * rank, rank), product.view());
    for (index_t r = 0; r < parts; ++r)
      for (index_t c = 0; c < parts; ++c)
        for (index_t p = 0; p < in / parts; ++p)
          for (index_t q = 0; q < out / parts; ++q)
            h(r * in / parts + p, c * out / parts + q) += of[2](k * parts + r, c) * product(p, q);
  }
  const auto weight = state.weight();
  for (index_t r = 0; r < in; ++r)
    for (index_t c = 0; c < out; ++c) CHECK(weight(c, r) == doctest::Approx(h(r, c)).epsilon(1e-12));
}
TEST_CASE("Compacter has 2 r (d + b) + b + d numbers a bottleneck, and its rule once: as published") {
  const auto count = [](index_t d, index_t width, bool shares) {
    EigenCpu on;
    SharedParameter<EigenCpu, float> rule{"rule", ParameterGroup::delta, 16, 4};
    return KroneckerBottleneck::State<EigenCpu, float>{
        {.width = width, .projection = {.shares_rule = shares}}, on, d, "a", 1,
        shares ? rule.parameter() : Parameter<float>{}}
        .parameters();
  };
  CHECK(2 * 12 * count(768, 24, true) + 64 == 57088);
  CHECK(2 * 6 * count(384, 12, true) + 64 == 14320);
  CHECK(12 * count(768, 24, true) + 64 == 28576);
  CHECK(6 * count(384, 12, true) + 64 == 7192);
  CHECK(count(384, 12, false) == count(384, 12, true) + 2 * 64);
}
TEST_CASE("Kronecker products begin by Glorot, and at the identity up is zero") {
  EigenCpu on;
  KroneckerBottleneck branch = own_rule(40, 4, 1);
  const auto largest = [&](const char* name) {
    KroneckerBottleneck::State<EigenCpu, double> state{branch, on, 400, "a", 1};
    double found = 0;
    state.for_each_parameter([&](const auto& each) {
      for (index_t i = 0; each.name == name && i < each.value.size(); ++i)
        found = std::max(found, std::abs(each.value.data[i]));
    });
    return found;
  };
  CHECK(largest("a.down.left") <= std::sqrt(12.0 / 101));
  CHECK(largest("a.down.left") > 0.9 * std::sqrt(12.0 / 101));
  CHECK(largest("a.down.right") <= std::sqrt(12.0 / 11));
  CHECK(largest("a.down.right") > 0.9 * std::sqrt(12.0 / 11));
  CHECK(largest("a.up.rule") < 0.05);
  CHECK(largest("a.up.rule") > 0.01);
  branch.start = BottleneckStart::identity;
  CHECK(largest("a.up.right") == 0);
  CHECK(largest("a.up.left") > 0);
}
TEST_CASE("parts that do not divide, a rule that is missing, not asked for or of another size, are refused") {
  EigenCpu on;
  SharedParameter<EigenCpu, float> rule{"rule", ParameterGroup::delta, 4, 2};
  const auto refused = [&](const KroneckerProjection& policy, Shape shape, const Parameter<float>& shared = {}) {
    return error_of([&] { KroneckerProjection::State<EigenCpu, float>{policy, on, shape, "a", shared}; });
  };
  CHECK(refused({.parts = 4}, {.in = 384, .out = 6}) ==
        "a Kronecker projection of 4 parts from 384 features to 6, expected multiples of 4: choose another width, or "
        "another number of parts");
  CHECK(refused({.parts = 0}, {.in = 4, .out = 4}) ==
        "a Kronecker projection of 0 parts and rank 1, expected at least 1 of both");
  CHECK(refused({.parts = 2, .rank = 0}, {.in = 4, .out = 4}) ==
        "a Kronecker projection of 2 parts and rank 0, expected at least 1 of both");
  CHECK(refused({.parts = 2}, {.in = 4, .out = 4}) ==
        "Kronecker projections share their rule, but are given none: give the parameter() of a SharedParameter, or set "
        "shares_rule to false");
  CHECK(refused({.parts = 2, .shares_rule = false}, {.in = 4, .out = 4}, rule.parameter()) ==
        "a Kronecker projection has a rule of its own, but is given a shared one: leave it out, or set shares_rule to "
        "true");
  CHECK(refused({.parts = 4}, {.in = 4, .out = 4}, rule.parameter()) ==
        "the rule that Kronecker projections share is 4 x 2, expected 16 x 4");
}

}  // namespace
}  // namespace pst::test

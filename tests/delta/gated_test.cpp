// SPDX-License-Identifier: Apache-2.0
#include "pst/delta/gated.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "support/layer_tools.hpp"
#include "support/stored_ways.hpp"

namespace pst::test {
namespace {

/// The first stage of diff pruning, with any selector.
template <class T, class Selector = KeepAll>
using GatedLayer = SparseLinear<typename T::scalar, Magnitude, Gated, Selector, ConstantSchedule, MaskedGradient,
                                FrozenBias, typename T::backend>;

/// A gate from the equations of the paper, with logarithms.
struct WrittenGate {
  double z, slope;
  WrittenGate(double alpha, double u) {
    const double v = 1 / (1 + std::exp(-(std::log(u) - std::log(1 - u) + alpha)));
    const double stretched = v * (1.5 + 1.5) - 1.5;
    z = std::clamp(stretched, 0.0, 1.0);
    slope = 0 < stretched && stretched < 1 ? 3 * v * (1 - v) : 0;
  }
};
/// u of a weight: 1/2 outside of steps.
double gate_draw(std::uint64_t seed, std::optional<std::uint64_t> step, index_t place) {
  if (!step) return 0.5;
  const std::uint64_t of_step = mix_bits(derive_seed(seed, 'G') ^ mix_bits(*step));
  const std::uint64_t bits = mix_bits(of_step ^ mix_bits(static_cast<std::uint64_t>(place)));
  const double even = (static_cast<double>(bits >> 11) + 0.5) * 0x1p-53;
  return 1e-4 + even * (1 - 2e-4);
}
constexpr std::uint64_t gated_seed = 7;
std::uint64_t seed_of_gates(std::uint64_t seed = gated_seed) { return derive_seed(seed, "x"); }

/// W0, w and alpha near 0, so that many gates are open in part.
struct GatedProblem {
  Shape shape;
  HostMatrix<double> weight = Draw{1}.normal<double>(shape.out, shape.in),
                     w = Draw{2}.normal<double>(shape.out, shape.in),
                     alpha = Draw{3}.normal<double>(shape.out, shape.in);

  [[nodiscard]] WrittenGate gate(std::optional<std::uint64_t> step, index_t r, index_t c) const {
    return {alpha(r, c), gate_draw(seed_of_gates(), step, r * shape.in + c)};
  }
  [[nodiscard]] HostMatrix<double> effective(std::optional<std::uint64_t> step) const {
    HostMatrix<double> out(shape.out, shape.in);
    for (index_t r = 0; r < shape.out; ++r)
      for (index_t c = 0; c < shape.in; ++c) out(r, c) = weight(r, c) + gate(step, r, c).z * w(r, c);
    return out;
  }
};
void assign_gates(auto& layer, const GatedProblem& problem) {
  assign(parameter_of(layer, "delta.w").value, problem.w);
  assign(parameter_of(layer, "delta.gate").value, problem.alpha);
}
template <class Layer>
HostMatrix<typename Layer::scalar> weight_now(Layer& layer) {
  HostMatrix<typename Layer::scalar> out(layer.shape().out, layer.shape().in);
  layer.export_masked(out.view());
  return out;
}
template <class Scalar>
std::vector<Scalar> numbers_of(const HostMatrix<Scalar>& matrix) {
  std::vector<Scalar> list;
  for (index_t r = 0; r < matrix.rows(); ++r)
    for (index_t c = 0; c < matrix.cols(); ++c) list.push_back(matrix(r, c));
  return list;
}

TEST_CASE_TEMPLATE("W~ is W0 + z .* w with the gates of the step, and learns as the equations say", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  constexpr double near = tolerances<Scalar>::value;
  for (const Shape shape : {Shape{1, 1}, Shape{40, 1}, Shape{1, 40}, Shape{300, 26}}) {
    const GatedProblem problem{shape};
    GatedLayer<T> layer{shape, {.delta = {.penalty = 0}, .schedule = {.sparsity = 0}, .seed = gated_seed, .name = "x"}};
    const auto weight = problem.weight.template as<Scalar>(3);
    layer.attach(weight.view());
    CHECK(layer.layout().size == 2 * shape.size());
    CHECK(layer.layout().own == 2 * shape.size());
    CHECK(layer.layout().entries.at(1).name == "x.delta.gate");
    CHECK(layer.layout().entries.at(1).group == ParameterGroup::score);
    CHECK(layer.layout().entries.at(0).group == ParameterGroup::delta);
    assign_gates(layer, problem);
    layer.begin_step(3, 10);
    const HostMatrix<double> expected = problem.effective(3);
    CHECK(distance(weight_now(layer), expected) <= near);
    const auto x = Draw{4}.normal<Scalar>(3, shape.in), grad_y = Draw{5}.normal<Scalar>(3, shape.out);
    HostMatrix<Scalar> y(3, shape.out), grad_x(3, shape.in);
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
    HostMatrix<double> wanted_y(3, shape.out), wanted_x(3, shape.in), grad_w(shape.out, shape.in),
        grad_alpha(shape.out, shape.in);
    for (index_t o = 0; o < shape.out; ++o)
      for (index_t i = 0; i < shape.in; ++i) {
        double g = 0;
        for (index_t t = 0; t < 3; ++t) {
          g += double{grad_y(t, o)} * double{x(t, i)};
          wanted_y(t, o) += double{x(t, i)} * expected(o, i);
          wanted_x(t, i) += double{grad_y(t, o)} * expected(o, i);
        }
        const WrittenGate gate = problem.gate(3, o, i);
        grad_w(o, i) = g * gate.z;
        grad_alpha(o, i) = g * problem.w(o, i) * gate.slope;
      }
    CHECK(distance(y, wanted_y) <= near);
    CHECK(distance(grad_x, wanted_x) <= near);
    CHECK(distance(parameter_of(layer, "delta.w").grad, grad_w.view()) <= near);
    CHECK(distance(parameter_of(layer, "delta.gate").grad, grad_alpha.view()) <= 10 * near);  // of u near 0 and 1
  }
}

TEST_CASE("gradients of a change and its gates are those of finite differences with u fixed, penalty included") {
  using T = ReferenceDouble;
  const GatedProblem problem{{.in = 7, .out = 5}};
  const double penalty = 0.3;
  GatedLayer<T> layer{problem.shape,
                      {.delta = {.penalty = penalty}, .schedule = {.sparsity = 0}, .seed = gated_seed, .name = "x"}};
  layer.attach(problem.weight.view());
  assign_gates(layer, problem);
  const auto x = Draw{4}.normal<double>(3, 7), grad_y = Draw{5}.normal<double>(3, 5);
  const auto w = parameter_of(layer, "delta.w"), alpha = parameter_of(layer, "delta.gate");
  layer.begin_step(2, 10);
  layer.backward(x.view().middle_rows(0, 1), grad_y.view().middle_rows(0, 1));  // the penalty counts once a step
  layer.backward(x.view().middle_rows(1, 2), grad_y.view().middle_rows(1, 2));
  const auto loss = [&] {
    HostMatrix<double> y(3, 5);
    layer.forward(x.view(), y.view());  // reads w and alpha as they are
    double sum = 0;
    for (index_t t = 0; t < 3; ++t)
      for (index_t o = 0; o < 5; ++o) sum += grad_y(t, o) * y(t, o);
    for (index_t o = 0; o < 5; ++o)
      for (index_t i = 0; i < 7; ++i) sum += penalty / (1 + std::exp(-(alpha.value(o, i) - std::log(1.0))));
    return sum;
  };
  index_t shut = 0, open = 0;
  for (index_t o = 0; o < 5; ++o)
    for (index_t i = 0; i < 7; ++i) {
      CHECK(std::abs(w.grad(o, i) - central_difference(w.value(o, i), loss)) <= difference_tolerance * 10);
      CHECK(std::abs(alpha.grad(o, i) - central_difference(alpha.value(o, i), loss)) <= difference_tolerance * 10);
      const WrittenGate gate = problem.gate(2, o, i);
      shut += gate.z == 0 ? 1 : 0, open += gate.z == 1 ? 1 : 0;
      const double chance = 1 / (1 + std::exp(-problem.alpha(o, i)));
      if (gate.slope == 0) CHECK(alpha.grad(o, i) == doctest::Approx(penalty * chance * (1 - chance)));
    }
  CHECK(shut > 0);
  CHECK(open > 0);
}

TEST_CASE("at the start 0.7 % of the gates are shut, the mean gate is 0.985, and the weight is W0 to the bit") {
  const Shape shape{.in = 500, .out = 400};  // random_draws of them
  const auto weight = Draw{1}.normal<float>(shape.out, shape.in);
  GatedLayer<EigenFloat> layer{shape, {.schedule = {.sparsity = 0}}};
  layer.attach(weight.view());
  const auto w = parameter_of(layer, "delta.w"), alpha = parameter_of(layer, "delta.gate");
  CHECK(w.value(3, 4) == 0);
  CHECK(alpha.value(3, 4) == 5);
  layer.begin_step(1, 2);
  CHECK(distance(weight_now(layer), weight) == 0);
  HostMatrix<float> zeros(shape.out, shape.in);
  GatedLayer<EigenFloat> gates{shape, {.schedule = {.sparsity = 0}}};  // with w = 1 its W~ is z
  gates.attach(zeros.view());
  const auto ones = parameter_of(gates, "delta.w").value;
  for (index_t r = 0; r < ones.rows; ++r) std::fill_n(ones.row(r), ones.cols, 1.0F);
  gates.begin_step(1, 2);
  double sum = 0;
  index_t shut = 0;
  for (const float z : numbers_of(weight_now(gates))) sum += z, shut += z == 0 ? 1 : 0;
  const auto count = static_cast<double>(random_draws);
  REQUIRE(shape.size() == random_draws);
  CHECK(std::abs(sum / count - 0.985) <= 0.001);
  CHECK(std::abs(static_cast<double>(shut) / count - 0.0067) <= moment_tolerance(0.0067));
  gates.refresh(0.5);
  for (const float z : numbers_of(weight_now(gates))) REQUIRE(z == 1);  // clip(3 sigmoid(5) - 1.5, 0, 1)
}

TEST_CASE("another step, seed or name draws other gates, the same step the same, and outside of steps none are drawn") {
  const GatedProblem problem{{.in = 40, .out = 30}};
  using Layer = GatedLayer<EigenDouble>;
  const auto drawn = [&](auto&& begin, std::uint64_t seed = gated_seed, std::string name = "x") {
    Layer layer{problem.shape, {.schedule = {.sparsity = 0}, .seed = seed, .name = std::move(name)}};
    layer.attach(problem.weight.view());
    assign_gates(layer, problem);
    begin(layer);
    return numbers_of(weight_now(layer));
  };
  const auto step = [](index_t k) { return [k](Layer& layer) { layer.begin_step(k, 10); }; };
  const auto third = drawn(step(3));
  CHECK(third == drawn(step(3)));
  CHECK(third != drawn(step(4)));
  CHECK(drawn(step(0)) != drawn(step(1)));
  CHECK(third != drawn(step(3), 8));
  CHECK(third != drawn(step(3), gated_seed, "y"));
  CHECK(third == drawn([](Layer& layer) { layer.begin_step(9, 10), layer.refresh(0.5), layer.begin_step(3, 10); }));
  const auto resting = drawn([](Layer& layer) { layer.refresh(0.3); });
  CHECK(resting == drawn([](Layer& layer) { layer.begin_step(3, 10), layer.refresh(0.3); }));
  const HostMatrix<double> expected = problem.effective(std::nullopt);
  Layer layer{problem.shape, {.schedule = {.sparsity = 0}, .seed = gated_seed, .name = "x"}};
  layer.attach(problem.weight.view());
  assign_gates(layer, problem);
  layer.refresh(0.0);
  CHECK(distance(weight_now(layer), expected) <= tolerances<double>::value);
}

TEST_CASE("gates have the same bits on any number of threads, however the weight is cut, in a clone and restored") {
  const Shape shape{.in = 90, .out = 290};  // in four parts
  constexpr index_t tokens = 5;
  const auto weight = Draw{1}.normal<float>(shape.out, shape.in);
  const auto x = Draw{4}.normal<float>(tokens, shape.in), grad_y = Draw{5}.normal<float>(tokens, shape.out);
  const auto train = [&](auto& layer, int first) {
    std::vector<float> trace;
    HostMatrix<float> y(tokens, shape.out), grad_x(tokens, shape.in);
    for (int step = first; step < first + 3; ++step) {
      layer.begin_step(step, 9);
      layer.forward(x.view(), y.view());
      layer.backward(x.view(), grad_y.view(), grad_x.view());
      layer.for_each_parameter([&](const auto& p) {
        const float rate = p.group == ParameterGroup::score ? 0.3F : 1e-3F;
        for (index_t r = 0; r < p.value.rows; ++r)
          for (index_t c = 0; c < p.value.cols; ++c) {
            p.value(r, c) -= rate * p.grad(r, c);
            trace.push_back(p.grad(r, c));
          }
      });
      for (index_t r = 0; r < tokens; ++r) trace.insert(trace.end(), y.view().row(r), y.view().row(r) + shape.out);
    }
    return trace;
  };
  using Layer = GatedLayer<EigenFloat>;
  const typename Layer::Options options{.delta = {.first_gate = 0.5}, .schedule = {.sparsity = 0}, .name = "x"};
  Layer one{shape, options, EigenCpu{1}}, four{shape, options, EigenCpu{4}};
  one.attach(weight.view()), four.attach(weight.view());
  CHECK(train(one, 1) == train(four, 1));
  GatedLayer<PartsFloat> parts{shape, {.schedule = {.sparsity = 0}, .name = "x"}};
  parts.attach(weight.view());
  for (const char* name : {"delta.w", "delta.gate"})
    assign(parameter_of(parts, name).value, copy_of(parameter_of(one, name).value));
  parts.begin_step(5, 9), one.begin_step(5, 9);
  CHECK(numbers_of(weight_now(parts)) == numbers_of(weight_now(one)));
  one.begin_step(4, 9);
  Layer copy = one.clone(EigenCpu{2}), restored{shape, options, EigenCpu{2}};
  restored.attach(weight.view());
  restored.restore(one.save());
  CHECK(copy.save_bytes() == one.save_bytes());
  CHECK(restored.save_bytes() == one.save_bytes());
  CHECK(numbers_of(weight_now(copy)) == numbers_of(weight_now(one)));  // drawn in step 4
  one.refresh(0.4);
  CHECK(numbers_of(weight_now(restored)) == numbers_of(weight_now(one)));
  const auto trace = train(one, 4);
  CHECK(train(copy, 4) == trace);
  CHECK(train(restored, 4) == trace);
}

TEST_CASE("a step that is refused takes nothing of the draw before it away") {
  const GatedProblem problem{{.in = 6, .out = 4}};
  GatedLayer<ReferenceDouble> layer{problem.shape, {.schedule = {.sparsity = 0}, .name = "x"}};
  layer.attach(problem.weight.view());
  assign_gates(layer, problem);
  layer.begin_step(2, 9);
  const auto before = numbers_of(weight_now(layer));
  const auto alpha = parameter_of(layer, "delta.gate"), w = parameter_of(layer, "delta.w");
  for (const auto& [parameter, name] : {std::pair{alpha, "delta.gate"}, {w, "delta.w"}}) {
    const double kept = parameter.value(1, 3);
    parameter.value(1, 3) = std::numeric_limits<double>::quiet_NaN();
    CHECK(error_of([&] { layer.begin_step(3, 9); }) ==
          std::string{"layer x: "} + name + " is nan at row 1, column 3, expected finite numbers");
    CHECK(error_of([&] { layer.refresh(0.3); }).starts_with(std::string{"layer x: "} + name + " is nan"));
    parameter.value(1, 3) = kept;
    CHECK(numbers_of(weight_now(layer)) == before);
  }
  using Budgeted = GatedLayer<ReferenceDouble, GlobalTopK>;
  Budgeted together{problem.shape, {.schedule = {.sparsity = 0}, .seed = gated_seed, .name = "x"}};
  together.attach(problem.weight.view());
  assign_gates(together, problem);
  Budgeted* const layers[] = {&together};
  refresh_together(std::span<Budgeted* const>{layers}, 0.3);
  CHECK(distance(weight_now(together), problem.effective(std::nullopt)) <= tolerances<double>::value);
  begin_step_together(std::span<Budgeted* const>{layers}, 2, 9);
  CHECK(distance(weight_now(together), problem.effective(2)) <= tolerances<double>::value);
}

TEST_CASE("what is stored in 16 bits or by columns is changed as what is stored by rows, and a mask may prune it") {
  const Shape shape{.in = 40, .out = 30};
  StoredWays weight{shape};
  using Layer = GatedLayer<EigenFloat, TopK>;
  const typename Layer::Options options{.delta = {.first_gate = 0.5}, .schedule = {.sparsity = 0.3}, .name = "x"};
  Layer plain{shape, options}, by_columns{shape, options};
  Layer::with<StoredAs<BFloat16>> stored{shape,
                                         {.delta = {.first_gate = 0.5}, .schedule = {.sparsity = 0.3}, .name = "x"}};
  weight.attach(plain, by_columns, stored);
  const auto gradients = [&](auto& layer) {
    return gradients_with(layer, "delta.w", Draw{7}.normal<float>(shape.out, shape.in));
  };
  const std::vector<float> expected = gradients(plain);
  CHECK(gradients(by_columns) == expected);
  CHECK(gradients(stored) == expected);
  const oracle::Mask mask = unpacked(plain.mask());
  const auto grad = parameter_of(plain, "delta.w").grad;
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c)
      if (mask[static_cast<std::size_t>(r * shape.in + c)] == 0) CHECK(grad(r, c) == 0);
}

}  // namespace
}  // namespace pst::test

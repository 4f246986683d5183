// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/kept_linear.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

template <class T>
using Kept = KeptLinear<typename T::scalar, TrainedBias, typename T::backend>;

constexpr Shape kept_shape{.in = 300, .out = 40};

/// A layer of PST at 90 %, whose factors are numbers that training might have come to, and its bias.
template <class T>
struct Resting {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> weight = Draw{1}.normal<Scalar>(kept_shape.out, kept_shape.in),
                     bias = Draw{2}.normal<Scalar>(1, kept_shape.out);
  PstLayer<T> layer{kept_shape, {.schedule = {.sparsity = 0.9}}};

  Resting() {
    layer.attach(weight.view(), bias.view());
    std::uint64_t seed = 3;
    layer.for_each_parameter([&](const auto& parameter) {
      if (parameter.name == "bias") return;
      assign(parameter.value, Draw{seed++}.normal<Scalar>(parameter.value.rows, parameter.value.cols, 0, 0.3));
    });
    layer.begin_step(1, 1);
  }
  [[nodiscard]] HostMatrix<Scalar> exported() {
    HostMatrix<Scalar> out(kept_shape.out, kept_shape.in);
    layer.export_masked(out.view());
    return out;
  }
  /// What remains of it.
  [[nodiscard]] Kept<T> kept() {
    Kept<T> made{kept_shape, {.name = "one"}};
    made.attach(layer.mask(), bias.view());
    made.fill(exported().view());
    return made;
  }
};

template <class Scalar>
bool same(const HostMatrix<Scalar>& a, const HostMatrix<Scalar>& b) {
  for (index_t r = 0; r < a.rows(); ++r)
    for (index_t c = 0; c < a.cols(); ++c)
      if (a(r, c) != b(r, c)) return false;
  return true;
}

}  // namespace

TEST_CASE_TEMPLATE("the kept weights of a layer give its outputs and its grad_x, in every bit", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  Resting<T> resting;
  Kept<T> kept = resting.kept();
  CHECK(kept.kept() == resting.layer.kept());
  CHECK(kept.sparsity() == doctest::Approx(0.9));
  HostMatrix<Scalar> exported(kept_shape.out, kept_shape.in);
  kept.export_masked(exported.view());
  CHECK(same(exported, resting.exported()));
  CHECK(unpacked(kept.mask()) == unpacked(resting.layer.mask()));
  for (const index_t tokens : {1, 5, 70}) {
    const auto x = Draw{20}.normal<Scalar>(tokens, kept_shape.in),
               grad_y = Draw{21}.normal<Scalar>(tokens, kept_shape.out);
    HostMatrix<Scalar> y(tokens, kept_shape.out), expected_y(tokens, kept_shape.out), grad_x(tokens, kept_shape.in),
        expected_grad_x(tokens, kept_shape.in);
    resting.layer.forward(x.view(), expected_y.view());
    kept.forward(x.view(), y.view());
    CHECK(same(y, expected_y));
    resting.layer.backward(x.view(), grad_y.view(), expected_grad_x.view());
    kept.backward(x.view(), grad_y.view(), grad_x.view());
    CHECK(same(grad_x, expected_grad_x));
  }
}

TEST_CASE_TEMPLATE("gradients of kept weights are those of finite differences, added over micro-batches", T,
                   ReferenceDouble, PartsDouble) {
  Resting<T> resting;
  Kept<T> kept = resting.kept();
  const index_t tokens = 6;
  const auto x = Draw{20}.normal<double>(tokens, kept_shape.in),
             grad_y = Draw{21}.normal<double>(tokens, kept_shape.out);
  const auto loss = [&] {
    HostMatrix<double> y(tokens, kept_shape.out);
    kept.forward(x.view(), y.view());
    double sum = 0;
    for (index_t t = 0; t < tokens; ++t)
      for (index_t o = 0; o < kept_shape.out; ++o) sum += y(t, o) * grad_y(t, o);
    return sum;
  };
  kept.begin_step();
  const auto half = [&](index_t first) {
    kept.backward(x.view().middle_rows(first, tokens / 2), grad_y.view().middle_rows(first, tokens / 2));
  };
  half(0);
  half(tokens / 2);
  constexpr double step = 1e-6;
  kept.for_each_parameter([&](const auto& parameter) {
    for (index_t c = 0; c < parameter.value.cols; c += 7) {
      double& value = parameter.value(0, c);
      const double before = value;
      value = before + step;
      const double above = loss();
      value = before - step;
      const double below = loss();
      value = before;
      CHECK(parameter.grad(0, c) == doctest::Approx((above - below) / (2 * step)).epsilon(1e-6));
    }
  });
  HostMatrix<double> grad_x(tokens, kept_shape.in);
  kept.backward(x.view(), grad_y.view(), grad_x.view(), Gradients::overwrite);
  HostMatrix<double> weight(kept_shape.out, kept_shape.in);
  kept.export_masked(weight.view());
  for (index_t i = 0; i < kept_shape.in; i += 11) {
    double expected = 0;
    for (index_t o = 0; o < kept_shape.out; ++o) expected += grad_y(2, o) * weight(o, i);
    CHECK(grad_x(2, i) == doctest::Approx(expected));
  }
}

TEST_CASE("a kept weight takes 14 bytes with its gradient") {
  Resting<EigenFloat> resting;
  Kept<EigenFloat> kept = resting.kept();
  const auto count = static_cast<double>(kept.kept()), size = static_cast<double>(kept_shape.size());
  const auto offsets = 4.0 * static_cast<double>(2 * (kept_shape.out + kept_shape.in) + 2);
  const MaskReport report = kept.report();
  const double spare = 5.0 / 32 * count;  // of the transposed weight
  CHECK(static_cast<double>(report.training_bytes) <=
        14 * count + size / 8 + offsets + spare + 8 * kept_shape.out + 320);
  CHECK(report.trainable == kept.kept() + kept_shape.out);
  CHECK(report.training_bytes < resting.layer.report().training_bytes / 2);
  CHECK(report.compressed_bytes == resting.layer.report().compressed_bytes);
}

TEST_CASE_TEMPLATE("kept weights are saved and restored bit for bit, and move to memory of the engine", T, PartsFloat,
                   ReferenceDouble) {
  using Scalar = typename T::scalar;
  Resting<T> resting, other;
  Kept<T> kept = resting.kept(), again = other.kept();
  kept.for_each_parameter([&](const auto& parameter) {
    for (index_t c = 0; c < parameter.value.cols; ++c) parameter.value(0, c) += Scalar(0.125) * Scalar(c % 3);
  });
  const TensorList state = kept.save();
  again.restore(state);
  CHECK(to_bytes(again.save()) == to_bytes(state));
  const ParameterLayout& layout = kept.layout();
  CHECK(layout.entries.at(0).name == "one.weight.kept");
  CHECK(layout.own == kept.kept());
  CHECK(layout.size == kept.kept() + kept_shape.out);
  HostMatrix<Scalar> values(1, layout.own), gradients(1, layout.size);
  kept.bind(values.view(), gradients.view());
  CHECK(to_bytes(kept.save()) == to_bytes(state));
  CHECK(parameter_of(kept, "weight.kept").value.data == values.view().data);
}

TEST_CASE("grad_x follows the kept weights at the next refresh") {
  Resting<EigenDouble> resting;
  Kept<EigenDouble> kept = resting.kept();
  const auto x = Draw{20}.normal<double>(3, kept_shape.in), grad_y = Draw{21}.normal<double>(3, kept_shape.out);
  HostMatrix<double> before(3, kept_shape.in), after(3, kept_shape.in);
  kept.backward(x.view(), grad_y.view(), before.view());
  const auto weight = parameter_of(kept, "weight.kept").value;
  for (index_t c = 0; c < weight.cols; ++c) weight(0, c) *= 2;
  kept.backward(x.view(), grad_y.view(), after.view());
  CHECK(same(after, before));
  const std::uint64_t generation = kept.generation();
  kept.refresh();
  CHECK(kept.generation() != generation);
  kept.backward(x.view(), grad_y.view(), after.view());
  for (index_t c = 0; c < kept_shape.in; ++c) CHECK(after(1, c) == 2 * before(1, c));
}

TEST_CASE("what a layer of kept weights cannot do is refused with a sentence") {
  KeptLinear<> layer{{.in = 70, .out = 2}, {.name = "one"}};
  HostMatrix<float> x(1, 70), y(1, 2);
  CHECK(error_of([&] { layer.forward(x.view(), y.view()); }) == "layer one: call attach before forward");
  std::vector<mask_word> words(4, 0);
  const MaskView<const mask_word> mask{words.data(), 2, 70};
  CHECK(error_of([&] { layer.attach(mask); }) == "layer one: the mask keeps nothing, expected at least one weight");
  words = {3, 0, 0, 0};
  layer.attach(mask);
  CHECK(layer.kept() == 2);
  CHECK(error_of([&] { layer.attach(mask); }) == "layer one: attach was called before, expected one call");
  HostMatrix<float> weight(2, 70);
  weight(0, 1) = std::numeric_limits<float>::infinity();
  CHECK(error_of([&] { layer.fill(weight.view()); }) ==
        "layer one: the weight is inf at row 0, column 1, expected finite numbers");
  CHECK(error_of([&] { layer.fill(x.view()); }) == "layer one: the weight has 1 rows, expected 2");
  x(0, 3) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { layer.backward(x.view(), y.view()); }) ==
        "layer one: x is nan at row 0, column 3, expected finite numbers");
  parameter_of(layer, "weight.kept").value(0, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { layer.begin_step(); }) ==
        "layer one: weight.kept is nan at row 0, column 0, expected finite numbers");
}

}  // namespace pst::test

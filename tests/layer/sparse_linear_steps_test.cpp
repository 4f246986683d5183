// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>
#include <type_traits>
#include <utility>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

/// A small PST layer with weight, bias and random factors.
template <class T>
struct Ready {
  using Scalar = typename T::scalar;
  using Layer = PstLayer<T>;
  Draw draw{11};
  HostMatrix<Scalar> weight = draw.template normal<Scalar>(21, 34, 1);
  HostMatrix<Scalar> bias = draw.template normal<Scalar>(1, 21);
  Layer layer;

  explicit Ready(double dense_above_density = 0.3, bool with_bias = true)
      : layer{{.in = 34, .out = 21}, {.schedule = {.sparsity = 0.75}, .dense_above_density = dense_above_density}} {
    layer.attach(weight.view(), with_bias ? bias.view() : MatrixView<Scalar>{});
    layer.for_each_parameter([&](const auto& p) {
      if (p.name != "bias") assign(p.value, draw.template normal<Scalar>(p.value.rows, p.value.cols, 0, 0.3));
    });
  }
};

TEST_CASE_TEMPLATE("gradients of micro-batches add up to the gradient of the whole batch", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  Ready<T> two, one;
  const auto x = two.draw.template normal<Scalar>(70, 34), grad_y = two.draw.template normal<Scalar>(70, 21);
  two.layer.begin_step(0, 1);
  two.layer.backward(x.view().middle_rows(0, 3), grad_y.view().middle_rows(0, 3));
  two.layer.backward(x.view().middle_rows(3, 67), grad_y.view().middle_rows(3, 67));
  one.layer.begin_step(0, 1);
  one.layer.backward(x.view(), grad_y.view());
  const auto sum = gradients_of(two.layer), whole = gradients_of(one.layer);
  REQUIRE(sum.size() == 7);
  for (std::size_t n = 0; n < sum.size(); ++n) CHECK(distance(sum[n], whole[n]) <= tolerances<Scalar>::value);
}
TEST_CASE_TEMPLATE("begin_step sets every gradient to zero", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Ready<T> ready;
  const auto x = ready.draw.template normal<Scalar>(5, 34), grad_y = ready.draw.template normal<Scalar>(5, 21);
  ready.layer.begin_step(0, 1);
  ready.layer.backward(x.view(), grad_y.view());
  for (const auto& grad : gradients_of(ready.layer))
    CHECK(distance(grad, HostMatrix<double>(grad.rows(), grad.cols())) > 0);
  ready.layer.begin_step(0, 1);
  for (const auto& grad : gradients_of(ready.layer))
    CHECK(distance(grad, HostMatrix<double>(grad.rows(), grad.cols())) == 0);
}
TEST_CASE_TEMPLATE("a step after a step gives the same gradients as the first", T, ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  Ready<T> ready;
  const auto x = ready.draw.template normal<Scalar>(5, 34), grad_y = ready.draw.template normal<Scalar>(5, 21);
  ready.layer.begin_step(0, 1);
  ready.layer.backward(x.view(), grad_y.view());
  const auto first = gradients_of(ready.layer);
  ready.layer.begin_step(0, 1);
  ready.layer.backward(x.view(), grad_y.view());
  const auto second = gradients_of(ready.layer);
  for (std::size_t n = 0; n < first.size(); ++n) CHECK(distance(first[n], second[n]) == 0);
}
TEST_CASE_TEMPLATE("without a grad_x the gradients are the same", T, ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  Ready<T> with, without;
  const auto x = with.draw.template normal<Scalar>(9, 34), grad_y = with.draw.template normal<Scalar>(9, 21);
  HostMatrix<Scalar> grad_x(9, 34);
  with.layer.begin_step(0, 1);
  with.layer.backward(x.view(), grad_y.view(), grad_x.view());
  without.layer.begin_step(0, 1);
  without.layer.backward(x.view(), grad_y.view());
  const auto a = gradients_of(with.layer), b = gradients_of(without.layer);
  for (std::size_t n = 0; n < a.size(); ++n) CHECK(distance(a[n], b[n]) == 0);
}
TEST_CASE_TEMPLATE("of a constant weight the first k in row-major order are pruned", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Scalar value : {Scalar{1}, Scalar{0}, -Scalar{0}, std::numeric_limits<Scalar>::denorm_min(),
                       std::numeric_limits<Scalar>::max()})
    for (Shape shape : {Shape{67, 45}, Shape{1, 130}, Shape{130, 1}, Shape{64, 64}})
      for (double sparsity : {0.0, 0.3, 0.9, 0.999999}) {
        HostMatrix<Scalar> weight(shape.out, shape.in, 2);
        weight.fill(value);
        PstLayer<T> layer{shape, {.schedule = {.sparsity = sparsity}}};
        layer.attach(weight.view());
        layer.begin_step(0, 1);
        const auto pruned = static_cast<std::size_t>(static_cast<double>(shape.size()) * sparsity);
        oracle::Mask expected(static_cast<std::size_t>(shape.size()), 1);
        std::fill_n(expected.begin(), pruned, 0);
        CHECK(unpacked(layer.mask()) == expected);
        CHECK(layer.kept() == shape.size() - static_cast<index_t>(pruned));
      }
}
TEST_CASE_TEMPLATE("minus zero ties with zero and a denormal ranks above both", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> scores(1, 6);
  scores(0, 0) = std::numeric_limits<Scalar>::denorm_min();
  scores(0, 1) = 0, scores(0, 2) = -Scalar{0}, scores(0, 3) = 0, scores(0, 4) = -Scalar{0};
  scores(0, 5) = -std::numeric_limits<Scalar>::denorm_min();
  using Mask = oracle::Mask;
  CHECK(selected<T, TopK>(scores, 1 / 6.0) == Mask{1, 1, 1, 1, 1, 0});
  CHECK(selected<T, TopK>(scores, 3 / 6.0) == Mask{1, 0, 0, 1, 1, 0});
  CHECK(selected<T, TopK>(scores, 5 / 6.0) == Mask{1, 0, 0, 0, 0, 0});
}
TEST_CASE_TEMPLATE("a layer without a bias adds none", T, ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  for (double dense_above_density : {0.0, 1.0}) {
    Ready<T> with{dense_above_density}, without{dense_above_density, false};
    with.bias.fill(0);
    const auto x = with.draw.template normal<Scalar>(6, 34);
    HostMatrix<Scalar> zero_bias(6, 21), no_bias(6, 21);
    with.layer.begin_step(0, 1), without.layer.begin_step(0, 1);
    with.layer.forward(x.view(), zero_bias.view()), without.layer.forward(x.view(), no_bias.view());
    CHECK(distance(zero_bias, no_bias) == 0);
    CHECK(parameter_of(without.layer, "bias").value.data == nullptr);
    const auto grad_y = with.draw.template normal<Scalar>(6, 21);
    without.layer.backward(x.view(), grad_y.view());
  }
}
TEST_CASE_TEMPLATE("a bias that is a null pointer is no bias, whatever its shape says", T, ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  for (double dense_above_density : {0.0, 1.0}) {
    Ready<T> none{dense_above_density, false}, null{dense_above_density, false};
    null.layer.attach(null.weight.view(), {nullptr, 1, 21});
    const auto x = none.draw.template normal<Scalar>(6, 34);
    HostMatrix<Scalar> expected(6, 21), found(6, 21);
    none.layer.begin_step(0, 1), null.layer.begin_step(0, 1);
    none.layer.forward(x.view(), expected.view()), null.layer.forward(x.view(), found.view());
    CHECK(distance(found, expected) == 0);
  }
}
TEST_CASE_TEMPLATE("a moved layer goes on where it was, and what it was moved from is not attached", T, ReferenceFloat,
                   PartsFloat) {
  using Layer = PstLayer<T>;
  static_assert(std::is_move_constructible_v<Layer> && std::is_move_assignable_v<Layer>);
  static_assert(!std::is_copy_constructible_v<Layer> && !std::is_copy_assignable_v<Layer>);
  using Scalar = typename T::scalar;
  Ready<T> ready;
  const auto x = ready.draw.template normal<Scalar>(6, 34);
  HostMatrix<Scalar> before(6, 21), after(6, 21);
  ready.layer.begin_step(0, 1);
  ready.layer.forward(x.view(), before.view());
  Layer moved{std::move(ready.layer)};
  moved.forward(x.view(), after.view());
  CHECK(distance(after, before) == 0);
  CHECK(error_of([&] { ready.layer.begin_step(0, 1); }).find("call attach before begin_step") != std::string::npos);
  moved.begin_step(0, 1);
  moved.forward(x.view(), after.view());
  CHECK(distance(after, before) == 0);
}
TEST_CASE_TEMPLATE("attached again, a layer keeps what it has learnt and reads the weight at its new place", T,
                   ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  Ready<T> ready;
  ready.layer.begin_step(0, 1);
  const auto before = unpacked(ready.layer.mask());
  const auto score_a = copy_of(parameter_of(ready.layer, "score.A").value);
  auto moved = ready.weight.template as<Scalar>(9);
  auto moved_bias = ready.bias.template as<Scalar>();
  ready.weight.fill(-5), ready.bias.fill(-5);
  ready.layer.attach(moved.view(), moved_bias.view());
  CHECK(distance(copy_of(parameter_of(ready.layer, "score.A").value), score_a) == 0);
  CHECK(parameter_of(ready.layer, "bias").value.data == moved_bias.view().data);
  ready.layer.begin_step(0, 1);
  CHECK(unpacked(ready.layer.mask()) == before);
}
TEST_CASE_TEMPLATE("the dense and the compressed path agree", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Ready<T> dense{0.0}, compressed{1.0};
  const auto x = dense.draw.template normal<Scalar>(40, 34), grad_y = dense.draw.template normal<Scalar>(40, 21);
  HostMatrix<Scalar> y_dense(40, 21), y_compressed(40, 21), grad_dense(40, 34), grad_compressed(40, 34);
  dense.layer.begin_step(0, 1), compressed.layer.begin_step(0, 1);
  dense.layer.forward(x.view(), y_dense.view()), compressed.layer.forward(x.view(), y_compressed.view());
  dense.layer.backward(x.view(), grad_y.view(), grad_dense.view());
  compressed.layer.backward(x.view(), grad_y.view(), grad_compressed.view());
  CHECK(distance(y_dense, y_compressed) <= tolerances<Scalar>::value);
  CHECK(distance(grad_dense, grad_compressed) <= tolerances<Scalar>::value);
}
TEST_CASE_TEMPLATE("the first step of PST is plain magnitude on the pretrained weight", T, ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  using Layer = typename SparseLinear<Scalar>::template with<typename T::backend>::template with<ConstantSchedule>;
  const auto weight = Draw{5}.normal<Scalar>(19, 40);
  Layer layer{{.in = 40, .out = 19}};
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  oracle::Mat magnitude(19, 40);
  for (index_t r = 0; r < 19; ++r)
    for (index_t c = 0; c < 40; ++c) magnitude(r, c) = std::abs(static_cast<double>(weight(r, c)));
  CHECK(unpacked(layer.mask()) == oracle::lowest_pruned(magnitude, 0.9));
}
TEST_CASE_TEMPLATE("backends and scalars start from the same factors, and another seed gives others", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> weight(33, 20);
  PstLayer<T> layer{{.in = 20, .out = 33}}, other{{.in = 20, .out = 33}, {.seed = 2}};
  PstLayer<ReferenceDouble> truth{{.in = 20, .out = 33}};
  HostMatrix<double> weight_double(33, 20);
  layer.attach(weight.view()), other.attach(weight.view()), truth.attach(weight_double.view());
  for (const char* name : {"delta.U", "score.A"}) {
    const auto value = copy_of(parameter_of(layer, name).value);
    CHECK(distance(value, copy_of(parameter_of(truth, name).value).as<Scalar>()) == 0);
    CHECK(distance(value, copy_of(parameter_of(other, name).value)) > 0);
  }
  CHECK(distance(parameter_of(layer, "delta.U").value, parameter_of(layer, "score.A").value) > 0);
  for (const char* name : {"delta.V", "score.B", "score.R", "score.C"}) {
    const auto value = copy_of(parameter_of(layer, name).value);
    CHECK(distance(value, HostMatrix<double>(value.rows(), value.cols())) == 0);
  }
}

}  // namespace
}  // namespace pst::test

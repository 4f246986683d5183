// SPDX-License-Identifier: Apache-2.0
#include "pst/selector/keep_non_zeros.hpp"

#include <doctest/doctest.h>

#include "support/selector_tools.hpp"

namespace pst::test {
namespace {

template <class T, class Delta>
using StaysSparse =
    typename Unpruned<typename T::scalar, typename T::backend>::template with<KeepNonZeros>::template with<Delta>;

/// Normal numbers of which about `pruned` of all are zero, half of them -0.
template <class Scalar>
HostMatrix<Scalar> with_zeros(Shape shape, double pruned) {
  auto weight = Draw{1}.normal<Scalar>(shape.out, shape.in);
  Draw draw{2};
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c)
      if (static_cast<double>(draw.between(0, 999)) < 1000 * pruned) weight(r, c) = c % 2 == 0 ? Scalar{0} : -Scalar{0};
  weight(0, 0) = 1;
  return weight;
}
template <class Scalar>
oracle::Mask non_zeros(const HostMatrix<Scalar>& weight) {
  oracle::Mask mask;
  for (index_t r = 0; r < weight.rows(); ++r)
    for (index_t c = 0; c < weight.cols(); ++c) mask.push_back(weight(r, c) != 0 ? 1 : 0);
  return mask;
}
/// Steps that move every parameter.
template <class Layer>
void train(Layer& layer, index_t steps) {
  using Scalar = typename Layer::scalar;
  const auto x = Draw{3}.normal<Scalar>(6, layer.shape().in), grad_y = Draw{4}.normal<Scalar>(6, layer.shape().out);
  for (index_t step = 1; step <= steps; ++step) {
    layer.begin_step(step, steps);
    layer.backward(x.view(), grad_y.view());
    layer.for_each_parameter([&](const auto& p) {
      for (index_t r = 0; r < p.value.rows; ++r)
        for (index_t c = 0; c < p.value.cols; ++c) p.value(r, c) -= Scalar(0.1) * p.grad(r, c);
    });
  }
  layer.refresh(1.0);
}

TEST_CASE_TEMPLATE("the mask is the non-zeros of the weight as it was attached, at every step", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : selector_shapes)
    for (double pruned : {0.0, 0.5, 0.9}) {
      auto weight = with_zeros<Scalar>(shape, pruned);
      const oracle::Mask expected = non_zeros(weight);
      StaysSparse<T, Full> full{{.in = shape.in, .out = shape.out}};
      full.attach(weight.view());
      StaysSparse<T, LowRank<Rank<2>>> factors{{.in = shape.in, .out = shape.out}};
      const auto base = with_zeros<Scalar>(shape, pruned);
      factors.attach(base.view());
      train(full, 4), train(factors, 4);
      CHECK(unpacked(full.mask()) == expected);
      CHECK(unpacked(factors.mask()) == expected);
      const double zeros = 1 - static_cast<double>(kept_in(expected)) / static_cast<double>(shape.size());
      CHECK(factors.sparsity() == zeros);
      CHECK(non_zeros(weight) == expected);
    }
}

TEST_CASE_TEMPLATE("a low-rank update of a sparse weight is M .* (W0 + s U V), and not what is masked in the end", T,
                   ReferenceDouble, PartsDouble) {
  const Shape shape{.in = 40, .out = 33};
  const auto weight = with_zeros<double>(shape, 0.9);
  const oracle::Mask mask = non_zeros(weight);
  StaysSparse<T, LowRank<Rank<2>>> masked{shape, {.delta = {.scale = 0.5}, .name = "l"}};
  typename Unpruned<double, typename T::backend>::template with<Rank<2>> dense{shape,
                                                                               {.delta = {.scale = 0.5}, .name = "l"}};
  masked.attach(weight.view()), dense.attach(weight.view());
  train(masked, 4), train(dense, 4);
  HostMatrix<double> merged(33, 40), other(33, 40);
  masked.export_masked(merged.view()), dense.export_masked(other.view());
  const auto u = parameter_of(masked, "delta.U").value, v = parameter_of(masked, "delta.V").value;
  HostMatrix<double> expected(33, 40), masked_in_the_end(33, 40);
  for (index_t r = 0; r < 33; ++r)
    for (index_t c = 0; c < 40; ++c) {
      if (mask[static_cast<std::size_t>(r * 40 + c)] == 0) continue;
      expected(r, c) = weight(r, c) + 0.5 * (u(r, 0) * v(0, c) + u(r, 1) * v(1, c));
      masked_in_the_end(r, c) = other(r, c);
    }
  CHECK(distance(merged, expected) <= tolerances<double>::value);
  CHECK(non_zeros(merged) == mask);
  CHECK(distance(masked_in_the_end, expected) > 0.01);
}

TEST_CASE("a weight that is zero everywhere is refused") {
  const HostMatrix<float> zero(3, 4);
  StaysSparse<EigenFloat, Full> layer{{.in = 4, .out = 3}};
  auto weight = copy_of(zero.view());
  CHECK_THROWS_WITH_AS(layer.attach(weight.view()),
                       "the non-zeros of a weight are to be kept, but all of its 12 numbers are zero: choose another "
                       "selector",
                       Error);
}

}  // namespace
}  // namespace pst::test

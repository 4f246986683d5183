// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/changed_linear.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/host_mask.hpp"
#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

constexpr Shape changed_shape{.in = 300, .out = 40};

template <class T, class Storage = StoredAsScalar>
using Changed = ChangedLinear<typename T::scalar, TrainedBias, typename T::backend, Storage>;

/// A weight, a change at about 5 % of its places, and a bias.
template <class T>
struct ChangedData {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> weight = Draw{1}.normal<Scalar>(changed_shape.out, changed_shape.in, 2),
                     bias = Draw{2}.normal<Scalar>(1, changed_shape.out),
                     change = Draw{3}.normal<Scalar>(changed_shape.out, changed_shape.in);
  Draw draw{4};
  HostMask places = random_mask(changed_shape.out, changed_shape.in, draw, 0.05);

  [[nodiscard]] Changed<T> layer() {
    Changed<T> made{changed_shape, {.name = "one"}};
    made.attach(weight.view(), std::as_const(places).view(), bias.view());
    made.fill(change.view());
    return made;
  }
  /// W0 + D
  [[nodiscard]] HostMatrix<Scalar> sum() const {
    HostMatrix<Scalar> out = weight;
    for (index_t r = 0; r < out.rows(); ++r)
      for (index_t c = 0; c < out.cols(); ++c)
        if (places.view()(r, c)) out(r, c) += change(r, c);
    return out;
  }
};
/// What a layer answers a batch, its gradients, and its grad_x.
template <class Layer>
std::vector<typename Layer::scalar> passes_of(Layer& layer, index_t tokens = 9) {
  using Scalar = typename Layer::scalar;
  const Shape shape = layer.shape();
  const auto x = Draw{20}.normal<Scalar>(tokens, shape.in), grad_y = Draw{21}.normal<Scalar>(tokens, shape.out);
  HostMatrix<Scalar> y(tokens, shape.out), grad_x(tokens, shape.in);
  layer.begin_step();
  layer.forward(x.view(), y.view());
  layer.backward(x.view(), grad_y.view(), grad_x.view());
  std::vector<Scalar> all;
  const auto keep = [&](MatrixView<const Scalar> view) {
    for (index_t r = 0; r < view.rows; ++r) all.insert(all.end(), view.row(r), view.row(r) + view.cols);
  };
  keep(y.view()), keep(grad_x.view());
  layer.for_each_parameter([&](const auto& each) { keep(each.grad); });
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("a sparse change gives the outputs and gradients of the dense weight with it", T, ReferenceDouble,
                   PartsFloat, EigenFloat) {
  using Scalar = typename T::scalar;
  ChangedData<T> data;
  Changed<T> layer = data.layer();
  const HostMatrix<Scalar> sum = data.sum();
  HostMatrix<Scalar> exported(changed_shape.out, changed_shape.in);
  layer.export_masked(exported.view());
  CHECK(distance(exported, sum) == 0);
  for (const index_t tokens : {1, 5, 700}) {
    const auto x = Draw{20}.normal<Scalar>(tokens, changed_shape.in),
               grad_y = Draw{21}.normal<Scalar>(tokens, changed_shape.out);
    HostMatrix<Scalar> y(tokens, changed_shape.out), grad_x(tokens, changed_shape.in);
    layer.begin_step();
    layer.forward(x.view(), y.view());
    layer.backward(x.view(), grad_y.view(), grad_x.view());
    HostMatrix<double> wanted_y(tokens, changed_shape.out), wanted_x(tokens, changed_shape.in);
    for (index_t t = 0; t < tokens; ++t)
      for (index_t o = 0; o < changed_shape.out; ++o) {
        wanted_y(t, o) = double{data.bias(0, o)};
        for (index_t i = 0; i < changed_shape.in; ++i) {
          wanted_y(t, o) += double{x(t, i)} * double{sum(o, i)};
          wanted_x(t, i) += double{grad_y(t, o)} * double{sum(o, i)};
        }
      }
    CHECK(distance(y, wanted_y) <= tolerances<Scalar>::value);
    CHECK(distance(grad_x, wanted_x) <= tolerances<Scalar>::value);
  }
}

TEST_CASE_TEMPLATE("gradients of a sparse change are those of finite differences", T, ReferenceDouble, PartsDouble) {
  ChangedData<T> data;
  Changed<T> layer = data.layer();
  const index_t tokens = 6;
  const auto x = Draw{20}.normal<double>(tokens, changed_shape.in),
             grad_y = Draw{21}.normal<double>(tokens, changed_shape.out);
  const auto loss = [&] {
    HostMatrix<double> y(tokens, changed_shape.out);
    layer.forward(x.view(), y.view());
    double sum = 0;
    for (index_t t = 0; t < tokens; ++t)
      for (index_t o = 0; o < changed_shape.out; ++o) sum += y(t, o) * grad_y(t, o);
    return sum;
  };
  layer.begin_step();
  layer.backward(x.view().middle_rows(0, 2), grad_y.view().middle_rows(0, 2));
  layer.backward(x.view().middle_rows(2, 4), grad_y.view().middle_rows(2, 4));
  index_t trained = 0;
  layer.for_each_parameter([&](const auto& parameter) {
    trained += parameter.value.size();
    for (index_t c = 0; c < parameter.value.cols; c += 17)
      CHECK(parameter.grad(0, c) == doctest::Approx(central_difference(parameter.value(0, c), loss)).epsilon(1e-6));
  });
  CHECK(trained == layer.changed() + changed_shape.out);
}

TEST_CASE("a sparse change has the same bits on any number of threads, and W0 stored in 16 bits or by columns") {
  using T = EigenFloat;
  ChangedData<T> data;
  std::vector<BFloat16> small;
  HostMatrix<float> turned(changed_shape.in, changed_shape.out);
  for (index_t r = 0; r < changed_shape.out; ++r)
    for (index_t c = 0; c < changed_shape.in; ++c) {
      small.push_back(static_cast<BFloat16>(data.weight(r, c)));
      turned(c, r) = data.weight(r, c) = static_cast<float>(small.back());
    }
  const auto begin = [&](auto& layer, auto weight) {
    layer.attach(weight, std::as_const(data.places).view(), data.bias.view());
    layer.fill(data.change.view());
    return passes_of(layer, 600);
  };
  Changed<T> one{changed_shape, {}, EigenCpu{1}}, four{changed_shape, {}, EigenCpu{4}}, by_columns{changed_shape};
  Changed<T, StoredAs<BFloat16>> stored{changed_shape};
  const auto expected = begin(one, data.weight.view());
  CHECK(begin(four, data.weight.view()) == expected);
  CHECK(begin(by_columns, StridedView<float>{turned.view()}.transposed()) == expected);
  CHECK(begin(stored, MatrixView<const BFloat16>{small.data(), changed_shape.out, changed_shape.in}) == expected);
}

TEST_CASE_TEMPLATE("a sparse change is saved and restored bit for bit, and moves to other memory", T, PartsFloat,
                   ReferenceDouble) {
  using Scalar = typename T::scalar;
  ChangedData<T> data, other;
  Changed<T> layer = data.layer(), again = other.layer();
  layer.for_each_parameter([&](const auto& parameter) {
    for (index_t c = 0; c < parameter.value.cols; ++c) parameter.value(0, c) += Scalar(0.125) * Scalar(c % 3);
  });
  const TensorList state = layer.save();
  again.restore(state);
  CHECK(to_bytes(again.save()) == to_bytes(state));
  CHECK(passes_of(again) == passes_of(layer));
  CHECK(find(state, "delta.kept").shape == std::vector<index_t>{1, layer.changed()});
  const ParameterLayout& layout = layer.layout();
  CHECK(layout.entries.at(0).name == "one.delta.kept");
  CHECK(layout.entries.at(0).group == ParameterGroup::delta);
  CHECK(layout.size == layer.changed() + changed_shape.out);
  HostMatrix<Scalar> values(1, layout.own), gradients(1, layout.size), weight = data.weight, bias = data.bias;
  const auto before = passes_of(layer);
  layer.bind(values.view(), gradients.view());
  layer.attach(weight.view(), bias.view());
  data.weight.fill(0);
  CHECK(passes_of(layer) == before);
  CHECK(parameter_of(layer, "delta.kept").value.data == values.view().data);
}

TEST_CASE("a number of a sparse change takes 14 bytes with its gradient, and the weight none") {
  ChangedData<EigenFloat> data;
  Changed<EigenFloat> layer = data.layer();
  const MaskReport report = layer.report();
  const auto count = static_cast<double>(layer.changed()), size = static_cast<double>(changed_shape.size());
  const auto offsets = 4.0 * static_cast<double>(2 * (changed_shape.out + changed_shape.in) + 2);
  CHECK(static_cast<double>(report.training_bytes) <=
        14 * count + 5.0 / 32 * count + size / 8 + offsets + 8 * changed_shape.out + 320);
  CHECK(report.trainable == layer.changed() + changed_shape.out);
  CHECK(report.kept == changed_shape.size());
  CHECK(report.achieved_sparsity() == 0);
  CHECK(report.dense_bytes == static_cast<std::size_t>(changed_shape.size()) * 4);
  CHECK(report.compressed_bytes ==
        static_cast<std::size_t>(layer.changed()) * 4 + static_cast<std::size_t>(changed_shape.out * 38));
}

TEST_CASE("a layer may have no place that changes") {
  ChangedData<EigenFloat> data;
  const HostMask nowhere(changed_shape.out, changed_shape.in, [](index_t, index_t) { return false; });
  ChangedLinear<float, FrozenBias> layer{changed_shape};
  layer.attach(data.weight.view(), nowhere.view(), std::as_const(data.bias).view());
  CHECK(layer.changed() == 0);
  CHECK(layer.layout().size == 0);
  HostMatrix<float> exported(changed_shape.out, changed_shape.in);
  layer.fill(data.change.view());
  layer.export_masked(exported.view());
  CHECK(distance(exported, data.weight) == 0);
  CHECK(passes_of(layer).size() == static_cast<std::size_t>(9 * (changed_shape.in + changed_shape.out)));
  ChangedLinear<float, FrozenBias> again{changed_shape};
  again.attach(data.weight.view(), nowhere.view(), std::as_const(data.bias).view());
  again.restore(layer.save());
  CHECK(passes_of(again) == passes_of(layer));
  CHECK(layer.report().trainable == 0);
}

TEST_CASE("what a layer with a sparse change cannot do is refused with a sentence") {
  ChangedData<EigenFloat> data;
  Changed<EigenFloat> layer{changed_shape, {.name = "one"}};
  HostMatrix<float> x(3, changed_shape.in), y(3, changed_shape.out);
  CHECK(error_of([&] { layer.forward(x.view(), y.view()); }) == "layer one: call attach before forward");
  const HostMatrix<float> narrow(changed_shape.out, 7);
  CHECK(error_of([&] { layer.attach(narrow.view(), std::as_const(data.places).view(), data.bias.view()); }) ==
        "layer one: the weight has 7 columns, the layer expects 300");
  layer = data.layer();
  CHECK(error_of([&] {
          layer.forward(x.view(), data.weight.view().middle_rows(0, 3).middle_cols(0, 40));
        }).starts_with("layer one: y lies over the weight"));
  data.weight(1, 2) = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { layer.attach(data.weight.view(), data.bias.view()); }) ==
        "layer one: the weight is nan at row 1, column 2, expected finite numbers");
  const auto kept = parameter_of(layer, "delta.kept");
  kept.value(0, 4) = std::numeric_limits<float>::infinity();
  CHECK(error_of([&] { layer.begin_step(); }) ==
        "layer one: delta.kept is inf at row 0, column 4, expected finite numbers");
  HostMask all(changed_shape.out, changed_shape.in, [](index_t, index_t) { return true; });
  Changed<EigenFloat> other{changed_shape, {.name = "two"}};
  ChangedData<EigenFloat> fresh;
  other.attach(fresh.weight.view(), std::as_const(all).view(), fresh.bias.view());
  CHECK(error_of([&] { other.restore(fresh.layer().save()); }).starts_with("layer two: tensor delta.kept"));
}

}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <limits>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

template <class T>
struct Attached {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> weight = Draw{3}.normal<Scalar>(20, 10);
  HostMatrix<Scalar> bias{1, 20};
  PstLayer<T> layer{{.in = 10, .out = 20}, {.schedule = {.sparsity = 0.5}, .name = "block.3.query"}};

  Attached() { layer.attach(weight.view(), bias.view()); }
};

TEST_CASE("a layer has at least one input and one output") {
  CHECK(error_of([] { SparseLinear<> layer({.in = 0, .out = 4}); }) ==
        "a layer has at least one input and one output, found in = 0, out = 4");
  CHECK(error_of([] { SparseLinear<> layer({.in = 3, .out = -1}); }) ==
        "a layer has at least one input and one output, found in = 3, out = -1");
}
TEST_CASE_TEMPLATE("a layer says what must be called first", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  PstLayer<T> layer{{.in = 10, .out = 20}};
  HostMatrix<Scalar> weight(20, 10), x(2, 10), y(2, 20), out(20, 10);
  CHECK(error_of([&] { layer.begin_step(0, 1); }) == "layer: call attach before begin_step");
  CHECK(error_of([&] { layer.forward(x.view(), y.view()); }) == "layer: call attach before forward");
  CHECK(error_of([&] { layer.backward(x.view(), y.view()); }) == "layer: call attach before backward");
  CHECK(error_of([&] { (void)layer.report(); }) == "layer: call attach before report");
  CHECK(error_of([&] { (void)layer.save(); }) == "layer: call attach before save");
  CHECK(error_of([&] { layer.restore({}); }) == "layer: call attach before restore");
  CHECK(error_of([&] { layer.for_each_parameter([](const auto&) {}); }) ==
        "layer: call attach before for_each_parameter");
  layer.attach(weight.view());
  CHECK(error_of([&] { layer.forward(x.view(), y.view()); }) == "layer: call begin_step or refresh before forward");
  CHECK(error_of([&] { layer.backward(x.view(), y.view()); }) == "layer: call begin_step or refresh before backward");
  CHECK(layer.report().kept == 200);  // all of them, before the first mask
  CHECK(error_of([&] { layer.export_masked(out.view()); }) == "layer: call begin_step or refresh before export_masked");
  CHECK(error_of([&] { (void)layer.export_csr(); }) == "layer: call begin_step or refresh before export_masked");
  CHECK(error_of([&] { (void)layer.export_bitmask(); }) == "layer: call begin_step or refresh before export_masked");
}
TEST_CASE_TEMPLATE("attach refuses other shapes, narrow strides and null pointers", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  HostMatrix<Scalar> wide(20, 11), tall(21, 10), bias(1, 19);
  CHECK(error_of([&] { a.layer.attach(wide.view()); }) ==
        "layer block.3.query: the weight has 11 columns, the layer expects 10");
  CHECK(error_of([&] { a.layer.attach(tall.view()); }) == "layer block.3.query: the weight has 21 rows, expected 20");
  CHECK(error_of([&] {
          a.layer.attach({wide.view().data, 20, 10, 9});
        }) == "layer block.3.query: the weight has row stride 9, expected at least its 10 columns");
  CHECK(error_of([&] { a.layer.attach({nullptr, 20, 10}); }) == "layer block.3.query: the weight is a null pointer");
  CHECK(error_of([&] { a.layer.attach(a.weight.view(), bias.view()); }) ==
        "layer block.3.query: the bias has 19 columns, the layer expects 20");
}
TEST_CASE_TEMPLATE("a layer is attached again with a bias if it had one, and without if it had none", T, ReferenceFloat,
                   PartsFloat) {
  Attached<T> a;
  const auto u = copy_of(parameter_of(a.layer, "delta.U").value);
  CHECK(error_of([&] { a.layer.attach(a.weight.view()); }) ==
        "layer block.3.query: attach was called before with a bias, expected the same now");
  PstLayer<T> without{{.in = 10, .out = 20}};
  without.attach(a.weight.view());
  CHECK(error_of([&] { without.attach(a.weight.view(), a.bias.view()); }) ==
        "layer: attach was called before without a bias, expected the same now");
  CHECK(distance(copy_of(parameter_of(a.layer, "delta.U").value), u) == 0);
  a.layer.begin_step(0, 1);
}
TEST_CASE("a single row may have any stride") {
  SparseLinear<float> layer{{.in = 4, .out = 3}};
  const HostMatrix<float> weight(3, 4);
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  float x[4] = {}, y[3] = {};
  layer.forward({x, 1, 4, 0}, {y, 1, 3, 0});
  CHECK(error_of([&] {
          layer.forward({x, 2, 4, 3}, {y, 2, 3, 3});
        }) == "layer: x has row stride 3, expected at least its 4 columns");
}
TEST_CASE_TEMPLATE("a layer that trains nothing refuses NaN in backward too", T, ReferenceFloat, PartsFloat) {
  typename SparseLinear<float>::with<typename T::backend>::template with<Magnitude>::template with<Frozen> layer{
      {.in = 4, .out = 3}};
  const HostMatrix<float> weight(3, 4);
  layer.attach(weight.view());
  layer.begin_step(0, 1);
  HostMatrix<float> x(2, 4), grad_y(2, 3), grad_x(2, 4);
  grad_x.fill(3), grad_y(1, 2) = static_cast<float>(not_a_number);
  CHECK(error_of([&] { layer.backward(x.view(), grad_y.view(), grad_x.view()); }) ==
        "layer: grad_y is nan at row 1, column 2, expected finite numbers");
  CHECK(grad_x(1, 3) == 3);
}
TEST_CASE_TEMPLATE("attach refuses NaN and Inf", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  a.weight(17, 4) = static_cast<Scalar>(not_a_number);
  CHECK(error_of([&] { a.layer.attach(a.weight.view()); }) ==
        "layer block.3.query: the weight is nan at row 17, column 4, expected finite numbers");
  a.weight(17, 4) = 0, a.bias(0, 19) = static_cast<Scalar>(-infinite);
  CHECK(error_of([&] { a.layer.attach(a.weight.view(), a.bias.view()); }) ==
        "layer block.3.query: the bias is -inf at row 0, column 19, expected finite numbers");
}
TEST_CASE_TEMPLATE("forward and backward refuse other shapes, narrow strides and null pointers", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  a.layer.begin_step(0, 1);
  HostMatrix<Scalar> x(4, 10), y(4, 20), wide(4, 12), many(5, 20);
  const auto forward = [&](auto in, auto out) { return error_of([&] { a.layer.forward(in, out); }); };
  CHECK(forward(wide.view(), y.view()) == "layer block.3.query: x has 12 columns, the layer expects 10");
  CHECK(forward(x.view(), wide.view()) == "layer block.3.query: y has 12 columns, the layer expects 20");
  CHECK(forward(x.view(), many.view()) == "layer block.3.query: y has 5 rows, expected 4");
  CHECK(forward(MatrixView<Scalar>{x.view().data, 4, 10, 2}, y.view()) ==
        "layer block.3.query: x has row stride 2, expected at least its 10 columns");
  CHECK(forward(x.view(), MatrixView<Scalar>{y.view().data, 4, 20, 19}) ==
        "layer block.3.query: y has row stride 19, expected at least its 20 columns");
  CHECK(forward(MatrixView<Scalar>{nullptr, 4, 10}, y.view()) == "layer block.3.query: x is a null pointer");
  CHECK(forward(x.view(), MatrixView<Scalar>{nullptr, 4, 20}) == "layer block.3.query: y is a null pointer");
  CHECK(forward(x.view(), y.view()) == "nothing was thrown");
  const auto backward = [&](auto in, auto grad, auto out) {
    return error_of([&] { a.layer.backward(in, grad, out); });
  };
  CHECK(backward(wide.view(), y.view(), x.view()) == "layer block.3.query: x has 12 columns, the layer expects 10");
  CHECK(backward(x.view(), x.view(), x.view()) == "layer block.3.query: grad_y has 10 columns, the layer expects 20");
  CHECK(backward(x.view(), many.view(), x.view()) == "layer block.3.query: grad_y has 5 rows, expected 4");
  CHECK(backward(x.view(), y.view(), wide.view()) ==
        "layer block.3.query: grad_x has 12 columns, the layer expects 10");
  CHECK(backward(x.view(), y.view(), MatrixView<Scalar>{x.view().data, 3, 10}) ==
        "layer block.3.query: grad_x has 3 rows, expected 4");
  CHECK(backward(x.view(), MatrixView<Scalar>{y.view().data, 4, 20, 3}, x.view()) ==
        "layer block.3.query: grad_y has row stride 3, expected at least its 20 columns");
  CHECK(error_of([&] { a.layer.export_masked(x.view()); }) ==
        "layer block.3.query: the exported weight has 4 rows, expected 20");
}
/// Leaves [0, 1) in the middle of the run.
struct Hump {
  using role = roles::schedule;
  double height = 1.5;
  [[nodiscard]] double sparsity_at(double step, double steps = 1.0) const {
    return step > 0 && step < steps ? height : 0.5;
  }
};
TEST_CASE("a layer refuses a schedule that ends outside [0, 1)") {
  using Layer = SparseLinear<float>::with<ConstantSchedule>;
  const auto made = [&](double sparsity, const char* name) {
    return error_of([&] { Layer{{.in = 4, .out = 3}, {.schedule = {.sparsity = sparsity}, .name = name}}; });
  };
  CHECK(made(1.0, "") == "layer: the schedule ends with sparsity 1, expected a number in [0, 1)");
  CHECK(made(-0.1, "query") == "layer query: the schedule ends with sparsity -0.1, expected a number in [0, 1)");
  CHECK(made(not_a_number, "") == "layer: the schedule ends with sparsity nan, expected a number in [0, 1)");
  CHECK(made(0.0, "") == "nothing was thrown");
}
TEST_CASE("a layer refuses a schedule whose numbers mean nothing") {
  const auto made = [&](CubicSchedule schedule) {
    return error_of([&] { SparseLinear<float>{{.in = 4, .out = 3}, {.schedule = schedule, .name = "query"}}; });
  };
  CHECK(made({.initial_sparsity = 2}) ==
        "layer query: the schedule begins with sparsity 2, expected a number in [0, 1)");
  CHECK(made({.warmup = 0.8}).starts_with("CubicSchedule.warmup is 0.8 and cooldown is 0.3"));
}
TEST_CASE("a layer refuses a shape whose size wraps") {
  constexpr index_t large = index_t{1} << 32;
  CHECK(error_of([] { SparseLinear<float>{{.in = large, .out = large}}; }) ==
        "a layer of in = 4294967296, out = 4294967296 has more weights than any memory, expected at most 2^56");
}
TEST_CASE("a layer refuses factors whose size wraps") {
  HostMatrix<float> weight(3, 4);
  SparseLinear<float>::with<Rank<(index_t{1} << 62)>> layer{{.in = 4, .out = 3}};
  CHECK(error_of([&] { layer.attach(weight.view()); }) ==
        "a matrix of 4611686018427387904 x 4 numbers of 4 bytes is larger than any memory");
}
TEST_CASE("begin_step and refresh refuse a step outside the run and a sparsity outside [0, 1)") {
  using Layer = SparseLinear<float>::with<Hump>;
  HostMatrix<float> weight(3, 4);
  const auto step = [&](double sparsity, double progress) {
    Layer layer{{.in = 4, .out = 3}, {.schedule = {.height = sparsity}}};
    layer.attach(weight.view());
    return error_of([&] { layer.refresh(progress); });
  };
  CHECK(step(0.5, -0.25) == "layer: progress is -0.25, expected 0 to 1");
  CHECK(step(0.5, 1.5) == "layer: progress is 1.5, expected 0 to 1");
  CHECK(step(0.5, not_a_number) == "layer: progress is nan, expected 0 to 1");
  CHECK(step(1.0, 0.5) == "layer: the schedule gives sparsity 1 at step 0.5 of 1, expected a number in [0, 1)");
  CHECK(step(-0.1, 0.25) == "layer: the schedule gives sparsity -0.1 at step 0.25 of 1, expected a number in [0, 1)");
  CHECK(step(not_a_number, 0.75) ==
        "layer: the schedule gives sparsity nan at step 0.75 of 1, expected a number in [0, 1)");
  Layer layer{{.in = 4, .out = 3}};
  layer.attach(weight.view());
  CHECK(error_of([&] { layer.begin_step(101, 100); }) == "layer: step is 101, expected 0 to 100");
  CHECK(error_of([&] { layer.begin_step(-1, 100); }) == "layer: step is -1, expected 0 to 100");
  CHECK(error_of([&] { layer.begin_step(1, 2); }) ==
        "layer: the schedule gives sparsity 1.5 at step 1 of 2, expected a number in [0, 1)");
  CHECK(error_of([&] { layer.begin_step(0, 0); }) == "layer: there are 0 steps, expected more than 0");
  CHECK(step(0.0, 0) == "nothing was thrown");
  CHECK(step(0.999999, 1) == "nothing was thrown");
}
TEST_CASE("a rank below 1 is refused when the layer is attached") {
  HostMatrix<float> weight(3, 4);
  SparseLinear<float>::with<DynamicRank> layer{{.in = 4, .out = 3}, {.delta = {1.0, {0}}}};
  CHECK(error_of([&] { layer.attach(weight.view()); }) == "DynamicRank is 0, expected at least 1");
}
TEST_CASE("after an attach that was refused, the layer is still not attached") {
  using Layer = SparseLinear<float>::with<NofM<2, 4>>;
  HostMatrix<float> weight(3, 6);
  Layer layer{{.in = 6, .out = 3}};
  const char* const refused = "NofM<2, 4> needs a multiple of 4 inputs, the layer has 6";
  CHECK(error_of([&] { layer.attach(weight.view()); }) == refused);
  CHECK(error_of([&] { layer.attach(weight.view()); }) == refused);
  CHECK(error_of([&] { (void)layer.save(); }) == "layer: call attach before save");
}
TEST_CASE_TEMPLATE("begin_step names the parameter that is NaN and leaves the mask as it was", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  a.layer.begin_step(0, 1);
  const auto mask = unpacked(a.layer.mask());
  for (const char* name : {"delta.U", "delta.V", "score.A", "score.B"}) {
    const auto value = parameter_of(a.layer, name).value;
    const Scalar kept = value(1, 2);
    value(1, 2) = static_cast<Scalar>(not_a_number);
    // N(0, 1) times a zero factor is not NaN, but zero times NaN is
    CHECK(error_of([&] { a.layer.begin_step(0, 1); }) ==
          std::string{"layer block.3.query: "} + name + " is nan at row 1, column 2, expected finite numbers");
    value(1, 2) = static_cast<Scalar>(infinite);
    CHECK(error_of([&] { a.layer.begin_step(0, 1); }) ==
          std::string{"layer block.3.query: "} + name + " is inf at row 1, column 2, expected finite numbers");
    value(1, 2) = kept;
  }
  parameter_of(a.layer, "score.R").value(18, 0) = static_cast<Scalar>(not_a_number);
  CHECK(error_of([&] { a.layer.begin_step(0, 1); }) ==
        "layer block.3.query: score.R is nan at row 18, column 0, expected finite numbers");
  parameter_of(a.layer, "score.R").value(18, 0) = 0;
  CHECK(unpacked(a.layer.mask()) == mask);
  a.layer.begin_step(0, 1);
  CHECK(unpacked(a.layer.mask()) == mask);
}
TEST_CASE_TEMPLATE("begin_step refuses a borrowed weight that has become NaN, and says where", T, ReferenceFloat,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  a.weight(19, 7) = static_cast<Scalar>(not_a_number);
  const std::string text = error_of([&] { a.layer.begin_step(0, 1); });
  CHECK(text.starts_with("layer block.3.query: "));
  CHECK(text.find("weight") != std::string::npos);
  CHECK(text.find("row 19, column 7") != std::string::npos);
}
TEST_CASE_TEMPLATE("begin_step refuses a score that overflows", T, ReferenceFloat, PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  a.weight(0, 0) = std::numeric_limits<Scalar>::max();
  parameter_of(a.layer, "score.R").value(0, 0) = std::numeric_limits<Scalar>::max();
  const std::string text = error_of([&] { a.layer.begin_step(0, 1); });
  CHECK(text.find("importance score") != std::string::npos);
  CHECK(text.find("is inf at row 0, column 0, expected finite numbers") != std::string::npos);
}
TEST_CASE_TEMPLATE("backward refuses NaN and Inf, and leaves grad_x and the gradients of earlier batches alone", T,
                   ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  Attached<T> a;
  a.layer.begin_step(0, 1);
  HostMatrix<Scalar> x = Draw{4}.normal<Scalar>(6, 10), grad_y = Draw{5}.normal<Scalar>(6, 20), grad_x(6, 10);
  grad_x.fill(3);
  a.layer.backward(x.view(), grad_y.view());
  const auto before = gradients_of(a.layer);
  const auto check_untouched = [&] {
    HostMatrix<Scalar> threes(6, 10);
    threes.fill(3);
    CHECK(distance(grad_x, threes) == 0);
    const auto after = gradients_of(a.layer);
    for (std::size_t n = 0; n < after.size(); ++n) CHECK(same_bits(after[n], before[n]));
  };
  for (const Gradients write : {Gradients::add, Gradients::overwrite}) {
    const auto refused = [&] {
      const std::string text = error_of([&] { a.layer.backward(x.view(), grad_y.view(), grad_x.view(), write); });
      check_untouched();
      return text;
    };
    grad_y(5, 13) = static_cast<Scalar>(not_a_number), x(2, 9) = 1;
    CHECK(refused() == "layer block.3.query: grad_y is nan at row 5, column 13, expected finite numbers");
    grad_y(5, 13) = 1, x(2, 9) = static_cast<Scalar>(infinite);
    CHECK(refused() == "layer block.3.query: x is inf at row 2, column 9, expected finite numbers");
    x(2, 9) = std::numeric_limits<Scalar>::max(), grad_y(2, 1) = std::numeric_limits<Scalar>::max();
    CHECK(refused() == "layer block.3.query: grad_y^T x overflows; lower the scale of the loss");
  }
}

TEST_CASE_TEMPLATE("an output over an input, the weight, the bias or what trains is refused", T, ReferenceDouble,
                   PartsFloat) {
  using Scalar = typename T::scalar;
  PstLayer<T> layer{{.in = 10, .out = 10}, {.name = "square"}};
  HostMatrix<Scalar> weight(10, 10), bias(1, 10), x(4, 10), grad_y(4, 10), both(4, 20);
  layer.attach(weight.view(), bias.view());
  layer.begin_step(1, 2);
  const auto over = [](const char* output, const char* other) {
    return std::string{"layer square: "} + output + " lies over " + other +
           ", expected memory of its own: it is written while " + other + " is still read";
  };
  CHECK(error_of([&] { layer.forward(x.view(), x.view()); }) == over("y", "x"));
  CHECK(error_of([&] { layer.forward(x.view(), weight.view().middle_rows(3, 4)); }) == over("y", "the weight"));
  CHECK(error_of([&] { layer.forward(x.view().middle_rows(0, 1), bias.view()); }) == over("y", "the bias"));
  const auto score_c = parameter_of(layer, "score.C");
  CHECK(error_of([&] { layer.forward(x.view().middle_rows(0, 1), score_c.value); }) ==
        over("y", "the run of parameters"));
  CHECK(error_of([&] { layer.backward(x.view(), grad_y.view(), grad_y.view()); }) == over("grad_x", "grad_y"));
  CHECK(error_of([&] { layer.backward(x.view(), grad_y.view(), x.view()); }) == over("grad_x", "x"));
  CHECK(error_of([&] { layer.export_masked(weight.view()); }) == over("the exported weight", "the weight"));
  // two halves of one matrix, as the outputs of a fused projection are
  layer.forward(both.view().middle_cols(0, 10), both.view().middle_cols(10, 10));
}
TEST_CASE_TEMPLATE("runs of parameters and gradients over the weight or the bias are refused, and nothing is written",
                   T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  PstLayer<T> layer{{.in = 10, .out = 10}, {.name = "square"}};
  HostMatrix<Scalar> weight = Draw{1}.normal<Scalar>(10, 40), bias(1, 2000);
  const HostMatrix<Scalar> before = weight;
  layer.attach(weight.view().middle_rows(0, 10).middle_cols(0, 10), bias.view().middle_cols(0, 10));
  const index_t own = layer.layout().own, size = layer.layout().size;
  REQUIRE(own <= 400);
  std::vector<Scalar> memory(static_cast<std::size_t>(own + size));
  const MatrixView<Scalar> free_own{memory.data(), 1, own}, free_size{memory.data() + own, 1, size};
  const MatrixView<Scalar> on_weight{weight.view().data, 1, own}, on_bias{bias.view().data + 9, 1, size};
  const auto over = [&](const char* run, const char* other) {
    return std::string{"layer square: the run of "} + run + " lies over " + other;
  };
  CHECK(error_of([&] { layer.bind(on_weight, free_size); }).starts_with(over("parameters", "the weight")));
  CHECK(error_of([&] { layer.bind(free_own, on_bias); }).starts_with(over("gradients", "the bias")));
  CHECK(same_bits(weight, before));
  layer.bind(free_own, free_size);
}
TEST_CASE("copies of one EigenCpu on two threads are refused, not wrong") {
  const auto weight = Draw{1}.normal<float>(200, 300), x = Draw{2}.normal<float>(64, 300);
  const EigenCpu shared{2};
  SparseLinear<> one{{300, 200}, {}, shared}, two{{300, 200}, {}, shared};
  one.attach(weight.view()), two.attach(weight.view());
  one.begin_step(1, 1), two.begin_step(1, 1);
  HostMatrix<float> y(64, 200);
  one.forward(x.view(), y.view());
  std::atomic<int> refused{0}, wrong{0};
  const auto serve = [&](SparseLinear<>& layer) {
    HostMatrix<float> own(64, 200);
    for (int i = 0; i < 200; ++i)
      if (error_of([&] { layer.forward(x.view(), own.view()); }) == "nothing was thrown")
        wrong += same_bits(own, y) ? 0 : 1;
      else
        ++refused;
  };
  std::thread other{[&] { serve(two); }};
  serve(one);
  other.join();
  CHECK(wrong == 0);
  CHECK(refused < 400);
}

}  // namespace
}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#include "pst/importance/wanda.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "pst/importance/magnitude.hpp"
#include "support/metric_tools.hpp"

namespace pst::test {
namespace {

/// The factors of columns that the last batch counts most for, by the formula and in double.
template <class Scalar>
std::vector<double> factors_of(const std::vector<HostMatrix<Scalar>>& batches, double decay) {
  std::vector<double> mean(static_cast<std::size_t>(batches[0].cols()));
  for (const auto& batch : batches)
    for (index_t c = 0; c < batch.cols(); ++c) {
      double squares = 0;
      for (index_t r = 0; r < batch.rows(); ++r) squares += double{batch(r, c)} * double{batch(r, c)};
      double& m = mean[static_cast<std::size_t>(c)];
      m = decay * m + (1 - decay) * squares / static_cast<double>(batch.rows());
    }
  double sum = 0;
  for (double& m : mean) m = std::sqrt(m), sum += m;
  for (double& m : mean) m *= static_cast<double>(mean.size()) / sum;
  return mean;
}

/// Shows a metric some batches and refreshes it.
template <class Tested>
void show(Tested& tested, const std::vector<HostMatrix<typename Tested::Scalar>>& x,
          const std::vector<HostMatrix<typename Tested::Scalar>>& grad_y) {
  for (std::size_t i = 0; i < x.size(); ++i) tested.state.observe(tested.on, x[i].view(), grad_y[i].view());
  tested.state.begin_refresh(tested.on);
  tested.state.end_refresh(tested.on, true);
}

template <class Scalar>
struct Batches {
  explicit Batches(Shape shape) {
    Draw draw{7};
    for (index_t tokens : {5, 1, 40}) {
      x.push_back(draw.normal<Scalar>(tokens, shape.in, 3));
      grad_y.push_back(draw.normal<Scalar>(tokens, shape.out, 1));
      for (index_t r = 0; r < tokens; ++r) x.back()(r, 0) *= 8;
    }
  }
  std::vector<HostMatrix<Scalar>> x, grad_y;
};

TEST_CASE_TEMPLATE("weights count by running means of what flows through them", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  for (Shape shape : {Shape{1, 1}, Shape{13, 40}, Shape{170, 3}})
    for (bool gradients : {false, true}) {
      CAPTURE(shape.in);
      CAPTURE(gradients);
      const Batches<Scalar> seen{shape};
      MetricOn<T, Wanda> metric{Draw{1}.grid<Scalar>(shape.out, shape.in, 3), {.gradients = gradients, .decay = 0.75}};
      show(metric, seen.x, seen.grad_y);
      const auto a = factors_of(seen.x, 0.75), d = factors_of(seen.grad_y, 0.75);
      const auto grad_scores = Draw{2}.grid<Scalar>(shape.out, shape.in, 1);
      HostMatrix<double> scores(shape.out, shape.in), grad_weight(shape.out, shape.in);
      for (index_t r = 0; r < shape.out; ++r)
        for (index_t c = 0; c < shape.in; ++c) {
          const double w = metric.weight(r, c), g = grad_scores(r, c);
          const double factor = a[static_cast<std::size_t>(c)] * (gradients ? d[static_cast<std::size_t>(r)] : 1.0);
          scores(r, c) = std::abs(w) * factor;
          grad_weight(r, c) = (w > 0 ? g : w < 0 ? -g : 0.0) * factor;
        }
      CHECK(distance(metric.added_scores(), scores) <= tolerances<Scalar>::value);
      CHECK(distance(metric.backward(grad_scores), grad_weight) <= tolerances<Scalar>::value);
    }
}
TEST_CASE_TEMPLATE("where nothing is measured it has the bits of magnitude", T, ReferenceFloat, PartsFloat) {
  const Batches<float> seen{{.in = 40, .out = 13}};
  const auto weight = Draw{1}.normal<float>(13, 40, 3), grad = Draw{2}.normal<float>(13, 40, 1);
  MetricOn<T, Magnitude> magnitude{weight};
  for (const Wanda& options : {Wanda{.inputs = false}, Wanda{.gradients = true}}) {
    MetricOn<T, Wanda> metric{weight, options};
    if (!options.inputs) show(metric, seen.x, seen.grad_y);  // the other one has seen no batch
    CHECK(distance(metric.added_scores(), magnitude.added_scores()) == 0);
    CHECK(distance(metric.backward(grad), magnitude.backward(grad)) == 0);
    CHECK(metric.parameters() == 0);
  }
}
TEST_CASE("squares of zero and squares that overflow leave the weight alone to count") {
  MetricOn<ReferenceFloat, Wanda> metric{Draw{1}.normal<float>(6, 9), {.decay = 0.5}};
  MetricOn<ReferenceFloat, Magnitude> magnitude{metric.weight};
  const auto grad_y = Draw{2}.normal<float>(4, 6);
  auto x = Draw{3}.normal<float>(4, 9);
  const std::vector usual{x};
  x.fill(0);
  show(metric, {x}, {grad_y});
  CHECK(distance(metric.added_scores(), magnitude.added_scores()) == 0);
  x(1, 2) = 1e30F;
  show(metric, {x}, {grad_y});
  CHECK(distance(metric.added_scores(), magnitude.added_scores()) == 0);
  metric.state.for_each_statistic(
      [](std::string_view, MatrixView<float> view) { CHECK(Reference{}.all_finite(view)); });  // it can be saved
  show(metric, usual, {grad_y});
  const auto found = metric.added_scores();
  CHECK(std::isfinite(found(1, 2)));
  CHECK(distance(found, magnitude.added_scores()) > 0.1);
}
TEST_CASE("a refresh that is refused leaves the factors as they were") {
  const Batches<float> seen{{.in = 9, .out = 6}};
  MetricOn<PartsFloat, Wanda> metric{Draw{1}.normal<float>(6, 9), {.gradients = true}};
  show(metric, {seen.x[0]}, {seen.grad_y[0]});
  const auto before = metric.added_scores();
  metric.state.observe(metric.on, seen.x[1].view(), seen.grad_y[1].view());
  metric.state.begin_refresh(metric.on);
  CHECK(distance(metric.added_scores(), before) > 0.01);
  metric.state.end_refresh(metric.on, false);
  CHECK(distance(metric.added_scores(), before) == 0);
}
TEST_CASE("the decay of running means is checked") {
  for (double decay : {-0.1, 1.0, std::numeric_limits<double>::quiet_NaN()})
    CHECK(error_of([&] {
            MetricOn<ReferenceFloat, Wanda>{Draw{1}.normal<float>(2, 2), {.decay = decay}};
          }).find("the decay of running means is ") != std::string::npos);
}

// ---- in a layer

template <class T>
using Observing = SparseLinear<typename T::scalar, Sum<Wanda, RowColumnScore>, LowRank<DynamicRank>, TopK,
                               ConstantSchedule, ReferenceGradient, FrozenBias, typename T::backend>;
template <class Layer>
typename Layer::Options observing_options() {
  typename Layer::Options options{.delta = {.rank = {2}}, .schedule = {.sparsity = 0.75}};
  options.importance.template term<Wanda>() = {.gradients = true, .decay = 0.5};
  return options;
}

/// A layer of 13 x 40 that has seen a batch.
template <class T>
struct Trained {
  using Scalar = typename T::scalar;
  using Layer = Observing<T>;
  HostMatrix<Scalar> weight = Draw{1}.normal<Scalar>(13, 40);
  Batches<Scalar> seen{{.in = 40, .out = 13}};
  Layer layer{{.in = 40, .out = 13}, observing_options<Layer>()};

  Trained() {
    layer.attach(weight.view());
    layer.begin_step(1, 9);
    learn(layer, 0);
  }
  void learn(Layer& one, std::size_t batch) { one.backward(seen.x[batch].view(), seen.grad_y[batch].view()); }
};

TEST_CASE_TEMPLATE("a mask follows what flows through the weights", T, ReferenceDouble, PartsFloat) {
  Trained<T> trained;
  const auto before = unpacked(trained.layer.mask());
  trained.layer.begin_step(2, 9);
  const auto after = unpacked(trained.layer.mask());
  CHECK(before != after);
  index_t kept = 0;
  for (std::size_t r = 0; r < 13; ++r) kept += after[r * 40];
  CHECK(kept >= 7);  // of column 0, whose inputs are the largest; by chance 3
  std::vector<std::string> names;
  trained.layer.for_each_statistic([&](std::string_view name, auto view) {
    names.emplace_back(name);
    CHECK(view.rows == 1);
  });
  CHECK(names == std::vector<std::string>{"score.inputs", "score.gradients"});
}
TEST_CASE_TEMPLATE("what was measured is saved and cloned, and the run goes on bit for bit", T, ReferenceDouble,
                   PartsFloat) {
  Trained<T> trained;
  const auto state = trained.layer.save();
  auto copy = trained.layer.clone();
  typename Trained<T>::Layer restored{{.in = 40, .out = 13}, observing_options<Observing<T>>()};
  restored.attach(trained.weight.view());
  restored.restore(state);
  for (auto* other : {&copy, &restored}) {
    CAPTURE((other == &copy));
    auto original = trained.layer.clone();
    for (std::size_t batch = 1; batch < 3; ++batch) {
      const auto step = static_cast<int>(batch) + 1;
      original.begin_step(step, 9), other->begin_step(step, 9);
      trained.learn(original, batch), trained.learn(*other, batch);
      CHECK(unpacked(original.mask()) == unpacked(other->mask()));
      for (const char* name : {"delta.V", "score.R", "score.C"})
        CHECK(distance(copy_of(parameter_of(original, name).grad), copy_of(parameter_of(*other, name).grad)) == 0);
    }
    CHECK(original.save_bytes() == other->save_bytes());
  }
  auto unmasked = state;  // a layer without a mask has measured as well
  for (Tensor& tensor : unmasked)
    if (tensor.name == "sparsity") tensor = Tensor::from<double>("sparsity", {1}, std::vector<double>{-1.0});
  restored.restore(unmasked);
  CHECK(find(restored.clone().save(), "score.inputs").bytes == find(state, "score.inputs").bytes);
  auto bad = state;
  for (Tensor& tensor : bad)
    if (tensor.name == "score.inputs")
      tensor = Tensor::from<typename T::scalar>("score.inputs", {1, 40}, std::vector<typename T::scalar>(40, -1));
  CHECK(error_of([&] { restored.restore(bad); }).find("score.inputs holds -1, expected squares") != std::string::npos);
  std::erase_if(bad, [](const Tensor& tensor) { return tensor.name == "score.inputs"; });
  CHECK(error_of([&] { restored.restore(bad); }).find("score.inputs") != std::string::npos);
}
TEST_CASE("a step that is refused leaves the factors of the gradient as they were") {
  Trained<PartsFloat> trained;
  trained.learn(trained.layer, 1);
  auto untouched = trained.layer.clone();
  auto row = parameter_of(trained.layer, "score.R").value;
  const float before = row(0, 0);
  row(0, 0) = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(trained.layer.begin_step(2, 9), Error);
  row(0, 0) = before;
  trained.learn(trained.layer, 2), trained.learn(untouched, 2);
  CHECK(distance(copy_of(parameter_of(trained.layer, "delta.V").grad),
                 copy_of(parameter_of(untouched, "delta.V").grad)) == 0);
}
TEST_CASE("what is measured has the same bits on any number of threads") {
  const auto weight = Draw{1}.normal<float>(130, 200), x = Draw{2}.normal<float>(65, 200),
             grad_y = Draw{3}.normal<float>(65, 130);
  std::vector<std::vector<std::byte>> states;
  for (int threads : {1, 2, 5}) {
    using Layer = Observing<EigenFloat>;
    Layer layer{{.in = 200, .out = 130}, observing_options<Layer>(), EigenCpu{threads}};
    layer.attach(weight.view());
    for (int step : {1, 2}) {
      layer.begin_step(step, 9);
      layer.backward(x.view(), grad_y.view());
    }
    states.push_back(layer.save_bytes());
  }
  CHECK(states[0] == states[1]);
  CHECK(states[0] == states[2]);
}
TEST_CASE("a mask that is kept for good is not measured for") {
  auto weight = Draw{1}.normal<float>(13, 40);
  SparseLinear<>::with<Wanda>::with<KeepNonZeros> layer{{.in = 40, .out = 13}};
  layer.attach(weight.view());
  layer.begin_step(1, 9);
  layer.backward(Draw{2}.normal<float>(4, 40).view(), Draw{3}.normal<float>(4, 13).view());
  int shown = 0;
  layer.for_each_statistic([&](std::string_view, MatrixView<float> view) {
    ++shown;
    CHECK(distance(view, HostMatrix<float>(1, 40).view()) == 0);
  });
  CHECK(shown == 1);
}

}  // namespace
}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#include "pst/any/layer_set.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "pst/optim/adamw.hpp"
#include "support/layer_tools.hpp"

using namespace pst;
using namespace pst::test;

namespace {

constexpr Shape set_shape{.in = 24, .out = 18};
constexpr index_t set_tokens = 5;

/// Three layers of different methods, with weights of different sizes.
struct Model {
  LayerSet<float> set{1};
  std::vector<HostMatrix<float>> weights, biases;
  HostMatrix<float> x = Draw{7}.normal<float>(set_tokens, set_shape.in), y{set_tokens, set_shape.out},
                    grad_y = Draw{8}.normal<float>(set_tokens, set_shape.out);

  explicit Model(const std::string& options = {}) {
    std::uint64_t seed = 1;
    for (const char* method : {"pst", "movement", "magnitude"}) {
      set.add(std::string{"layer."} + method, read_spec(method + std::string{" bias=trained"} + options), set_shape);
      weights.push_back(Draw{seed}.normal<float>(set_shape.out, set_shape.in, 0, static_cast<double>(seed)));
      biases.push_back(Draw{10 + seed++}.normal<float>(1, set_shape.out));
    }
    attach();
  }
  void attach() {
    for (std::size_t i = 0; i < set.size(); ++i) set[i].attach(weights[i].view(), biases[i].view());
  }
  void learn() {
    for (AnyLinear<float>& layer : set) {
      layer.forward(x.view(), y.view());
      layer.backward(x.view(), grad_y.view());
    }
  }
  [[nodiscard]] std::vector<index_t> kept() {
    std::vector<index_t> counts;
    for (const AnyLinear<float>& layer : set) counts.push_back(layer.kept());
    return counts;
  }
};

}  // namespace

TEST_CASE("a set steps, refreshes and clears all of its layers") {
  Model model{" sparsity=0.5 schedule=constant"};
  model.set.begin_step(1, 10);
  CHECK(model.kept() == std::vector<index_t>(3, set_shape.size() / 2));
  CHECK(model.set.sparsity() == 0.5);
  CHECK(model.set.kept() == 3 * set_shape.size() / 2);
  CHECK(model.set.weights() == 3 * set_shape.size());
  model.learn();
  const auto parameters = model.set.parameters();
  const auto has_gradient = [&] {
    return std::ranges::any_of(parameters, [](const Parameter<float>& each) {
      return std::any_of(each.grad.data, each.grad.data + each.grad.size(), [](float value) { return value != 0; });
    });
  };
  CHECK(has_gradient());
  model.set.zero_gradients();
  CHECK_FALSE(has_gradient());
  const std::uint64_t before = model.set[0].generation();
  model.set.refresh(1.0);
  CHECK(model.set[0].generation() != before);
}

TEST_CASE("parameters have full names, and an optimizer takes all of them") {
  Model model;
  const auto parameters = model.set.parameters();
  CHECK(parameters.front().name == "layer.pst.delta.U");
  CHECK(parameters.back().name == "layer.magnitude.bias");
  index_t count = 0;
  for (const auto& each : parameters) count += each.value.size();
  CHECK(count == model.set.trainable());
  AdamW<float> optimizer;
  for (int step = 1; step <= 3; ++step) {
    model.set.begin_step(step, 3);
    model.learn();
    optimizer.step(parameters);
  }
  CHECK(model.set.sparsity() == doctest::Approx(0.9).epsilon(0.01));
}

TEST_CASE("a layer without a name has that of its place") {
  LayerSet<float> set{1};
  auto weight = Draw{1}.normal<float>(set_shape.out, set_shape.in);
  AnyLinear<float>& layer = set.add("here", make_linear(LinearSpec{}, set_shape));
  layer.attach(weight.view());
  CHECK(layer.name().empty());
  CHECK(set.parameters().front().name == "here.delta.U");
  CHECK(set.layout().entries.front().name == "here.delta.U");
  CHECK(set.reports().front().name == "here");
  CHECK(&set.at("here") == &layer);
}

TEST_CASE("all trained matrices of a set stand in two runs of the caller") {
  Model own, bound;
  const SetLayout layout = bound.set.layout();
  std::vector<float> parameters(static_cast<std::size_t>(layout.own)), gradients(static_cast<std::size_t>(layout.size));
  const MatrixView<float> values{parameters.data(), 1, layout.own}, grads{gradients.data(), 1, layout.size};
  bound.set.bind(values, grads);
  for (Model* model : {&own, &bound}) {
    model->set.begin_step(1, 1);
    model->learn();
  }
  const auto expected = own.set.parameters(), found = bound.set.parameters();
  REQUIRE(found.size() == layout.entries.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    const SetEntry& entry = layout.entries[i];
    INFO(entry.name);
    CHECK(found[i].name == entry.name);
    CHECK(found[i].group == entry.group);
    CHECK(found[i].grad.data == gradients.data() + entry.gradient_offset);
    CHECK(entry.in_place == (entry.value_offset < 0));
    if (!entry.in_place) CHECK(found[i].value.data == parameters.data() + entry.value_offset);
    for (index_t n = 0; n < found[i].grad.size(); ++n) {
      CHECK(same_bits(found[i].grad.data[n], expected[i].grad.data[n]));
      CHECK(same_bits(found[i].value.data[n], expected[i].value.data[n]));
    }
  }
  CHECK(error_of([&] {
          bound.set.bind(values.middle_cols(0, 1), grads);
        }).starts_with("the run of parameters is 1 x 1, expected 1 x "));
}

TEST_CASE("a refusal leaves no layer a step ahead") {
  Model model{" sparsity=0.5 schedule=constant refresh=every-2"};
  model.set.begin_step(1, 10);
  std::vector<std::uint64_t> generations;
  for (const AnyLinear<float>& layer : model.set) generations.push_back(layer.generation());
  model.learn();
  model.weights[2](3, 4) = std::numeric_limits<float>::quiet_NaN();
  model.weights[1](0, 0) = 100;
  const auto gradient = model.set[0].parameters().front().grad;
  const std::vector<float> learnt(gradient.data, gradient.data + gradient.size());
  for (const int step : {2, 3})
    CHECK(error_of([&] { model.set.begin_step(step, 10); }) ==
          "layer layer.magnitude: weight is nan at row 3, column 4, expected finite numbers");
  CHECK(error_of([&] { model.set.refresh(0.3); }).starts_with("layer layer.magnitude: "));
  for (std::size_t i = 0; i < model.set.size(); ++i) CHECK(model.set[i].generation() == generations[i]);
  CHECK(std::equal(learnt.begin(), learnt.end(), gradient.data));
}

TEST_CASE("layers of different methods share one budget where they say so") {
  // Of 3 x 432 weights half are pruned, wherever they are: the scores of the layers are of different sizes.
  Model model{" sparsity=0.5 schedule=constant selector=global"};
  model.set.begin_step(1, 10);
  CHECK(model.set.kept() == 3 * set_shape.size() / 2);
  const std::vector<index_t> kept = model.kept();
  CHECK(kept[0] != set_shape.size() / 2);
  // movement's scores are zero: they are all pruned before a positive score is
  CHECK(kept[1] == 0);

  // The pruned weights of the others are those with the lowest scores of both: no kept one is below a pruned one.
  HostMatrix<float> masked(set_shape.out, set_shape.in);
  double lowest_kept = 1e9, highest_pruned = 0;
  const auto mask = model.set[2].mask();
  for (index_t r = 0; r < set_shape.out; ++r)
    for (index_t c = 0; c < set_shape.in; ++c) {
      const double score = std::abs(static_cast<double>(model.weights[2](r, c)));
      if (mask(r, c))
        lowest_kept = std::min(lowest_kept, score);
      else
        highest_pruned = std::max(highest_pruned, score);
    }
  CHECK(highest_pruned < lowest_kept);
}

TEST_CASE("ties in a shared budget are pruned in the layer that was added first") {
  LayerSet<float> set{1};
  std::vector<HostMatrix<float>> weights(2, Draw{1}.normal<float>(set_shape.out, set_shape.in));
  for (auto& weight : weights) weight.fill(1);
  set.add("a", read_spec("magnitude selector=global sparsity=0.25 schedule=constant"), set_shape);
  set.add("b", read_spec("pst selector=global sparsity=0.25 schedule=constant"), set_shape);
  for (std::size_t i = 0; i < 2; ++i) set[i].attach(weights[i].view());
  set.begin_step(1, 1);
  CHECK(set[0].kept() == set_shape.size() / 2);
  CHECK(set[1].kept() == set_shape.size());
}

TEST_CASE("a layer alone in its budget ranks as top-k does, beside layers with budgets of their own") {
  LayerSet<float> set{1};
  std::vector<HostMatrix<float>> weights(2, Draw{1}.normal<float>(set_shape.out, set_shape.in));
  set.add("a", read_spec("pst selector=global sparsity=0.5 schedule=constant"), set_shape);
  set.add("b", read_spec("pst-rc selector=per-row sparsity=0.25 schedule=constant"), set_shape);
  for (std::size_t i = 0; i < 2; ++i) set[i].attach(weights[i].view());
  set.begin_step(1, 1);
  CHECK(set[0].kept() == set_shape.size() / 2);
  CHECK(set[1].kept() == 3 * set_shape.size() / 4);
}

TEST_CASE("the state of a set goes on with the same bits, or is refused whole") {
  Model one, two;
  for (int step = 1; step <= 2; ++step) {
    one.set.begin_step(step, 4);
    one.learn();
    AdamW<float>{}.step(one.set.parameters());
  }
  two.set.restore(one.set.save());
  CHECK(two.set.save_bytes() == one.set.save_bytes());
  Model three;
  three.set.restore_bytes(one.set.save_bytes());
  CHECK(three.set.save_bytes() == one.set.save_bytes());

  Model other;
  const auto before = other.set.save_bytes();
  TensorList broken = one.set.save();
  broken.pop_back();
  CHECK(error_of([&] { other.set.restore(broken); }) != "nothing was thrown");
  CHECK(other.set.save_bytes() == before);
  broken = one.set.save();
  broken.back().name = "elsewhere/mask";
  CHECK(error_of([&] { other.set.restore(broken); }) == "tensor elsewhere/mask is of no layer in this set");
  CHECK(error_of([&] { other.set.restore_bytes({}); }) != "nothing was thrown");
  CHECK(other.set.save_bytes() == before);

  // What the layers before have gathered stays too.
  two.learn();
  std::vector<float> gathered, left;
  const auto collect = [&](std::vector<float>& all) {
    for (const Parameter<float>& p : two.set.parameters()) all.insert(all.end(), p.grad.data, p.grad.row(p.grad.rows));
  };
  collect(gathered);
  broken = one.set.save();
  broken.pop_back();
  CHECK(error_of([&] { two.set.restore(broken); }) != "nothing was thrown");
  collect(left);
  CHECK(left == gathered);
}

TEST_CASE("reports are of each layer, and of all together") {
  Model model{" sparsity=0.5 schedule=constant"};
  model.set.begin_step(1, 1);
  const auto reports = model.set.reports();
  REQUIRE(reports.size() == 3);
  CHECK(reports[1].name == "layer.movement");
  CHECK(reports[1].kept == set_shape.size() / 2);
  CHECK(model.set.total_report().kept == model.set.kept());
  CHECK(model.set.total_report().trainable == model.set.trainable());
}

TEST_CASE("names in a set are of one layer each") {
  LayerSet<float> set{1};
  set.add("a", LinearSpec{}, set_shape);
  CHECK(error_of([&] { set.add("a", LinearSpec{}, set_shape); }) ==
        "a layer is added as a, which is there already: choose another name");
  CHECK(error_of([&] { set.add("", LinearSpec{}, set_shape); }).starts_with("a layer is added as \"\""));
  CHECK(error_of([&] { set.add("a/b", LinearSpec{}, set_shape); }).starts_with("a layer is added as \"a/b\""));
  CHECK(error_of([&] { set.add("b", AnyLinear<float>{}); }) == "the layer that is added as b is empty");
  CHECK(error_of([&] { set.add("b", make_linear({.name = "c"}, set_shape)); }) ==
        "a layer called c is added as b, expected the same name or none");
  set.add("query", LinearSpec{}, set_shape);
  CHECK(error_of([&] { static_cast<void>(set.at("qery")); }) ==
        "no layer is called \"qery\" among 2; did you mean query?");
}

TEST_CASE("an empty set has nothing to do") {
  LayerSet<double> set;
  set.begin_step(1, 1);
  set.refresh(0.5);
  CHECK(set.parameters().empty());
  CHECK(set.layout().size == 0);
  CHECK(set.sparsity() == 0);
  set.restore(set.save());
}

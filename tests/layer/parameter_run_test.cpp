// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/parameter_run.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

constexpr Case lent_case{{23, 18}, 9, 3, 4, 0.8};

/// Memory of an engine for one layer, or for several one behind the other.
struct EngineMemory {
  std::vector<float> values, gradients;

  explicit EngineMemory(const ParameterLayout& layout)
      : values(static_cast<std::size_t>(layout.own), 7.0F), gradients(static_cast<std::size_t>(layout.size), 7.0F) {}
  void bind_to(auto& layer, BoundRun holds = BoundRun::nothing) {
    layer.bind({values.data(), 1, std::ssize(values)}, {gradients.data(), 1, std::ssize(gradients)}, holds);
  }
};
template <class Layer>
void step_of(Posed<Layer>& posed, int step) {
  posed.layer.begin_step(step, 10);
  posed.pass();
}
/// The same step for two layers, and all that is seen of it.
template <class Layer>
void check_same_step(Posed<Layer>& a, Posed<Layer>& b, int step) {
  step_of(a, step), step_of(b, step);
  CHECK(same_bits(a.y, b.y));
  CHECK(same_bits(a.grad_x, b.grad_x));
  const auto one = gradients_of(a.layer), other = gradients_of(b.layer);
  for (std::size_t n = 0; n < one.size(); ++n) CHECK(same_bits(one[n], other[n]));
}
using PlainPst = PstLayer<EigenFloat>;

TEST_CASE("a layer tells the layout of its parameters before they have memory") {
  const auto weight = Draw{1}.normal<float>(18, 23);
  HostMatrix<float> bias(1, 18);
  PlainPst layer{{23, 18}, {.importance = {}, .delta = {1.0, {3}}, .name = "block.query"}};
  CHECK(error_of([&] { (void)layer.layout(); }) == "layer block.query: call attach before layout");
  layer.attach(weight.view(), bias.view());
  const ParameterLayout& layout = layer.layout();
  REQUIRE(layout.entries.size() == 7);
  CHECK(layout.entries[0].name == "block.query.delta.U");
  CHECK(layout.entries[1].name == "block.query.delta.V");
  CHECK(layout.entries[1].offset == 3 * 18);
  CHECK(layout.entries[1].rows == 3);
  CHECK(layout.entries[1].cols == 23);
  CHECK(layout.entries[1].group == ParameterGroup::delta);
  CHECK(layout.entries[6].name == "block.query.bias");
  CHECK(layout.entries[6].in_place);
  CHECK(layout.entries[6].offset == layout.own);
  CHECK(layout.own == (3 + 8) * (18 + 23) + 18 + 23);
  CHECK(layout.size == layout.own + 18);
  CHECK(layer.report().training_bytes < static_cast<std::size_t>(layout.size) * sizeof(float) + 18 * 23 * 4);
  std::size_t n = 0;
  layer.for_each_parameter([&](const auto& p) { CHECK(p.name == layout.entries[n++].name); });
}
TEST_CASE("a rank that comes from the weight is chosen before the layout is asked") {
  HostMatrix<float> weight(30, 20);
  for (index_t r = 0; r < 30; ++r)
    for (index_t c = 0; c < 20; ++c) weight(r, c) = static_cast<float>((r + 1) * (c + 2));  // of rank 1
  SparseLinear<>::with<EnergyRank> layer{{.in = 20, .out = 30}};
  layer.attach(weight.view());
  CHECK(layer.layout().entries[0].cols == 1);
}
TEST_CASE_TEMPLATE("what trains in place comes last, with a gradient in the run and no value", T, ReferenceFloat,
                   PartsFloat) {
  using Layer = typename SparseLinear<>::with<typename T::backend>::template with<Movement>::template with<Full>;
  HostMatrix<float> weight = Draw{1}.normal<float>(18, 23, 2);
  Layer layer{{.in = 23, .out = 18}};
  layer.attach(weight.view());
  EngineMemory memory{layer.layout()};
  memory.bind_to(layer);
  CHECK(layer.layout().own == 18 * 23);
  CHECK(layer.layout().size == 2 * 18 * 23);
  CHECK(parameter_of(layer, "score.S").value.data == memory.values.data());
  CHECK(parameter_of(layer, "weight").value.data == weight.view().data);
  CHECK(parameter_of(layer, "weight").grad.data == memory.gradients.data() + 18 * 23);
}
TEST_CASE("in memory of the engine a layer starts, steps and learns as in its own") {
  Posed<PlainPst> own{lent_case}, lent{lent_case};
  EngineMemory memory{lent.layer.layout()};
  memory.bind_to(lent.layer);
  CHECK(std::ranges::count(memory.gradients, 7.0F) == 0);
  for (int step = 1; step <= 3; ++step) {
    check_same_step(own, lent, step);
    own.move_factors(), lent.move_factors();
  }
  PlainPst fresh{{23, 18}}, bound{{23, 18}};
  fresh.attach(own.weight.view()), bound.attach(own.weight.view());
  EngineMemory first{bound.layout()};
  first.bind_to(bound);
  CHECK(same_bits(copy_of(parameter_of(fresh, "delta.U").value), copy_of(parameter_of(bound, "delta.U").value)));
  CHECK(same_bits(copy_of(parameter_of(fresh, "delta.V").value), copy_of(parameter_of(bound, "delta.V").value)));
}
TEST_CASE("what was learnt in a layer's own memory moves along to the engine's") {
  Posed<PlainPst> own{lent_case}, moves{lent_case};
  check_same_step(own, moves, 1);
  EngineMemory memory{moves.layer.layout()};
  memory.bind_to(moves.layer);
  const auto before = gradients_of(own.layer), after = gradients_of(moves.layer);
  for (std::size_t n = 0; n < before.size(); ++n) CHECK(same_bits(before[n], after[n]));
  check_same_step(own, moves, 2);
}
TEST_CASE("an engine that gives its parameters new memory binds again: nothing is written") {
  Posed<PlainPst> own{lent_case}, lent{lent_case};
  EngineMemory first{lent.layer.layout()};
  first.bind_to(lent.layer);
  lent.put_factors();
  check_same_step(own, lent, 1);
  EngineMemory second = first;  // as `param.data = other` does
  std::ranges::fill(first.values, 99.0F), std::ranges::fill(first.gradients, 99.0F);
  second.bind_to(lent.layer);
  check_same_step(own, lent, 2);
  CHECK(std::ranges::count(first.gradients, 99.0F) == std::ssize(first.gradients));
}
TEST_CASE("a run that holds values already is taken as it is") {
  Posed<PlainPst> source{lent_case};
  EngineMemory memory{source.layer.layout()};
  memory.bind_to(source.layer);
  source.put_factors();
  PlainPst restored{{23, 18}, source.layer.options()};
  restored.attach(source.weight.view(), source.own_bias.view());
  EngineMemory copy = memory;
  copy.bind_to(restored, BoundRun::values);
  CHECK(copy.values == memory.values);
  CHECK(std::ranges::count(copy.gradients, 0.0F) == std::ssize(copy.gradients));
  restored.begin_step(1, 10), source.layer.begin_step(1, 10);
  CHECK(unpacked(restored.mask()) == unpacked(source.layer.mask()));
}
TEST_CASE("runs of other sizes and null pointers are refused") {
  Posed<PlainPst> posed{lent_case};
  const ParameterLayout& layout = posed.layer.layout();
  EngineMemory memory{layout};
  const auto bind = [&](float* values, index_t own, float* gradients, index_t all) {
    return error_of([&] { posed.layer.bind({values, 1, own}, {gradients, 1, all}); });
  };
  const std::string own = std::to_string(layout.own), all = std::to_string(layout.size);
  CHECK(bind(memory.values.data(), layout.own - 1, memory.gradients.data(), layout.size) ==
        "layer: the run of parameters has " + std::to_string(layout.own - 1) + " numbers, expected " + own);
  CHECK(bind(memory.values.data(), layout.own, memory.gradients.data(), layout.own) ==
        "layer: the run of gradients has " + own + " numbers, expected " + all);
  CHECK(bind(nullptr, layout.own, memory.gradients.data(), layout.size) ==
        "layer: the run of parameters is a null pointer");
}
TEST_CASE("one flat run serves a whole model: an all-reduce and an optimizer over all of it are one loop") {
  constexpr Case cases[] = {{{23, 18}, 9, 3, 4, 0.8}, {{40, 12}, 9, 2, 2, 0.5}};
  Posed<PlainPst> a{cases[0]}, b{cases[1]}, other_a{cases[0]}, other_b{cases[1]};
  const auto sizes = [](auto& one, auto& two) { return one.layer.layout().own + two.layer.layout().own; };
  const auto bind = [](auto& one, auto& two, std::vector<float>& values, std::vector<float>& gradients) {
    const ParameterLayout &first = one.layer.layout(), &second = two.layer.layout();
    one.layer.bind({values.data(), 1, first.own}, {gradients.data(), 1, first.size});
    two.layer.bind({values.data() + first.own, 1, second.own}, {gradients.data() + first.size, 1, second.size});
  };
  const auto own = static_cast<std::size_t>(sizes(a, b));
  std::vector<float> values(own), other_values(own), gradients(own + 18 + 12), other_gradients(own + 18 + 12);
  bind(a, b, values, gradients), bind(other_a, other_b, other_values, other_gradients);
  for (auto* posed : {&a, &b, &other_a, &other_b}) posed->put_factors(), step_of(*posed, 1);
  // two replicas of the model average their gradients in one loop, and both take the same step
  for (std::size_t i = 0; i < gradients.size(); ++i)
    gradients[i] = other_gradients[i] = (gradients[i] + other_gradients[i]) / 2;
  const auto descend = [&](std::vector<float>& value, const std::vector<float>& grad, const ParameterLayout& first) {
    for (std::size_t i = 0; i < value.size(); ++i)  // the trained bias of the first layer stands between the two
      value[i] -=
          0.01F *
          grad[i < static_cast<std::size_t>(first.own) ? i : i + static_cast<std::size_t>(first.size - first.own)];
  };
  descend(values, gradients, a.layer.layout()), descend(other_values, other_gradients, a.layer.layout());
  CHECK(values == other_values);
  check_same_step(a, other_a, 2), check_same_step(b, other_b, 2);
  CHECK(parameter_of(b.layer, "delta.U").value.data == values.data() + a.layer.layout().own);
}
TEST_CASE("buffers that are new in every call, as a functional engine has them, are bound in every call") {
  Posed<PlainPst> own{lent_case}, pure{lent_case};
  EngineMemory state{pure.layer.layout()};
  state.bind_to(pure.layer);
  pure.put_factors();
  for (int step = 1; step <= 3; ++step) {
    EngineMemory inputs = state;  // the engine's own copies, gone after the call
    inputs.bind_to(pure.layer);
    check_same_step(own, pure, step);
    state.gradients = inputs.gradients;
  }
}

}  // namespace
}  // namespace pst::test

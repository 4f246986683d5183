// SPDX-License-Identifier: Apache-2.0
#include "pst/any/kept.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "pst/any/layer_set.hpp"
#include "pst/any/together.hpp"
#include "support/layer_tools.hpp"

using namespace pst;
using namespace pst::test;

namespace {

constexpr Shape shape_of_kept{.in = 90, .out = 70};

/// A layer at rest: its mask has moved for the last time.
struct RestingAny {
  HostMatrix<float> weight = Draw{1}.normal<float>(shape_of_kept.out, shape_of_kept.in),
                    bias = Draw{2}.normal<float>(1, shape_of_kept.out);
  AnyLinear<float> layer;

  explicit RestingAny(const std::string& method)
      : layer{make_linear(
            read_spec(method.find("bias=") == std::string::npos ? method + " name=a bias=trained" : method + " name=a"),
            shape_of_kept)} {
    layer.attach(weight.view(), bias.view());
    layer.refresh(1.0);
  }
};

std::vector<float> exported(AnyLinear<float>& layer) {
  std::vector<float> out(static_cast<std::size_t>(shape_of_kept.size()));
  layer.export_masked({out.data(), shape_of_kept.out, shape_of_kept.in});
  return out;
}

}  // namespace

TEST_CASE("any layer at rest becomes one of its kept weights, and that is saved and made again") {
  for (const char* method : {"pst", "pst sparsity=0.5", "magnitude", "movement score_start=10"}) {
    INFO(method);
    RestingAny resting{method};
    AnyLinear<float> kept = train_kept<float>(resting.layer, resting.bias.view());
    CHECK(kept.name() == "a");
    CHECK(kept.kept() == resting.layer.kept());
    CHECK(exported(kept) == exported(resting.layer));
    CHECK(kept.layout().entries.at(0).name == "a.weight.kept");
    kept.parameters().at(0).value(0, 5) = 0;  // a kept weight may come to be zero
    kept.refresh(1.0);
    const TensorList state = kept.save();
    CHECK(is_of_kept(state));
    CHECK_FALSE(is_of_kept(resting.layer.save()));
    AnyLinear<float> again = restore_kept<float>("b", shape_of_kept, state, resting.bias.view());
    CHECK(exported(again) == exported(kept));
    CHECK(again.save_bytes() == kept.save_bytes());
  }
}

TEST_CASE("layers of kept weights step together with others") {
  RestingAny resting{"pst"}, other{"pst"};
  AnyLinear<float> kept = train_kept<float>(resting.layer, resting.bias.view());
  const auto x = Draw{3}.normal<float>(4, shape_of_kept.in), grad_y = Draw{4}.normal<float>(4, shape_of_kept.out);
  kept.backward(x.view(), grad_y.view());
  const std::uint64_t generation = kept.generation();
  const std::array<AnyLinear<float>*, 2> layers{&kept, &other.layer};
  begin_step_together<float>(layers, 3, 10);
  CHECK(kept.generation() != generation);
  CHECK(kept.parameters().at(0).grad(0, 0) == 0);
}

TEST_CASE("a bias that does not train goes on so") {
  RestingAny resting{"pst"};
  AnyLinear<float> frozen = make_linear(read_spec("pst name=a"), shape_of_kept);
  frozen.attach(resting.weight.view(), resting.bias.view());
  frozen.refresh(1.0);
  AnyLinear<float> kept = train_kept<float>(frozen, resting.bias.view());
  CHECK(kept.layout().entries.size() == 1);
  const HostMatrix<float>& bias = resting.bias;
  AnyLinear<float> again = restore_kept<float>("b", shape_of_kept, kept.save(), bias.view());
  CHECK(again.layout().entries.size() == 1);
  const auto x = Draw{3}.normal<float>(4, shape_of_kept.in);
  HostMatrix<float> y(4, shape_of_kept.out), expected(4, shape_of_kept.out);
  frozen.forward(x.view(), expected.view());
  again.forward(x.view(), y.view());
  CHECK(distance(y, expected) <= tolerances<float>::value);
}

TEST_CASE("a step of several layers is taken by all or none where kept weights hold NaN") {
  RestingAny resting{"pst"}, other{"pst"};
  AnyLinear<float> kept = train_kept<float>(resting.layer, resting.bias.view());
  const std::uint64_t generation = other.layer.generation();
  kept.parameters().at(0).value(0, 0) = std::numeric_limits<float>::quiet_NaN();
  const std::array<AnyLinear<float>*, 2> layers{&other.layer, &kept};
  CHECK_THROWS_AS(begin_step_together<float>(layers, 3, 10), Error);
  CHECK_THROWS_AS(refresh_together<float>(layers, 1.0), Error);
  CHECK(other.layer.generation() == generation);
}

TEST_CASE("a step and a progress that are none are refused, and an export over what the layer borrows") {
  RestingAny resting{"pst"};
  AnyLinear<float> kept = train_kept<float>(resting.layer, resting.bias.view());
  CHECK(error_of([&] { kept.refresh(50); }) == "layer a: progress is 50, expected 0 to 1");
  CHECK(error_of([&] { kept.begin_step(11, 10); }) == "layer a: step is 11, expected 0 to 10");
  const auto places = kept.layout();
  std::vector<float> gradients(static_cast<std::size_t>(places.size));
  CHECK(error_of([&] {
          kept.bind({resting.bias.view().data, 1, places.own}, {gradients.data(), 1, places.size});
        }).starts_with("layer a: the run of parameters lies over the bias"));
}

TEST_CASE("another bias than the attached one is refused, or none, whether it trains or not") {
  for (const char* how : {"trained", "frozen"}) {
    RestingAny resting{std::string{"pst bias="} + how};
    CHECK(error_of([&] {
            (void)train_kept<float>(resting.layer, {});
          }).ends_with(" to output 0, and no bias is given: give the bias that was attached"));
    HostMatrix<float> other = Draw{2}.normal<float>(1, shape_of_kept.out);
    other(0, 3) += 1;
    CHECK(error_of([&] {
            (void)train_kept<float>(resting.layer, other.view());
          }).ends_with(" to output 3, the bias that is given has another number: give the bias that was attached"));
  }
  RestingAny resting{"pst"};
  const TensorList state = train_kept<float>(resting.layer, resting.bias.view()).save();
  CHECK(error_of([&] { (void)restore_kept<float>("b", shape_of_kept, state, {}); }) ==
        "layer b: its bias trains, but none is given: give the one that was attached");
}

TEST_CASE("in a set parameters have the names of the layer that took the place of another") {
  RestingAny resting{"pst"};
  LayerSet<float> set;
  set.add("a", std::move(resting.layer));
  CHECK(set.parameters().front().name == "a.delta.U");
  set.at("a") = train_kept<float>(set.at("a"), resting.bias.view());
  const std::vector<Parameter<float>> parameters = set.parameters();
  const SetLayout layout = set.layout();
  const TensorList state = set.save();
  CHECK(is_of_kept(part_of(state, "a")));
  CHECK(part_of(state, "").empty());
  REQUIRE(parameters.size() == layout.entries.size());
  for (std::size_t n = 0; n < parameters.size(); ++n) CHECK(parameters[n].name == layout.entries[n].name);
  CHECK(parameters.front().name == "a.weight.kept");
}

TEST_CASE("a layer without a mask and a state of another shape are refused") {
  RestingAny resting{"pst"};
  AnyLinear<float> kept = train_kept<float>(resting.layer, resting.bias.view());
  const TensorList state = kept.save();
  CHECK(error_of([&] { (void)restore_kept<float>("b", {.in = 10, .out = 10}, state, {}); }) ==
        "layer b: tensor mask does not fit, expected 10 x 1 words of 64 bits");
  CHECK(error_of([&] {
          RestingAny{"pst"}.layer.restore(state);
        }).ends_with("or by one whose kept weights or changes train?"));
}

// SPDX-License-Identifier: Apache-2.0
#include "pst/any/changed.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "pst/any/kept.hpp"
#include "pst/any/together.hpp"
#include "support/layer_tools.hpp"

using namespace pst;
using namespace pst::test;

namespace {

/// Two layers behind gates, with changes and logits that training might have come to.
struct GatedPair {
  std::array<Shape, 2> shapes{Shape{.in = 90, .out = 70}, Shape{.in = 40, .out = 150}};
  std::array<HostMatrix<float>, 2> weights, biases;
  std::array<AnyLinear<float>, 2> layers;
  std::array<AnyLinear<float>*, 2> pointers{&layers[0], &layers[1]};

  explicit GatedPair(const std::string& options = "bias=trained") {
    for (std::size_t i = 0; i < 2; ++i) {
      weights[i] = Draw{1 + i}.normal<float>(shapes[i].out, shapes[i].in);
      biases[i] = Draw{3 + i}.normal<float>(1, shapes[i].out);
      layers[i] = make_linear(read_spec("diff name=" + std::string(1, i == 0 ? 'a' : 'b') + ' ' + options), shapes[i]);
      layers[i].attach(weights[i].view(), biases[i].view());
      assign(parameter(i, "delta.w"), Draw{5 + i}.normal<float>(shapes[i].out, shapes[i].in, 0, i == 0 ? 0.1 : 0.01));
      assign(parameter(i, "delta.gate"), Draw{7 + i}.normal<float>(shapes[i].out, shapes[i].in));
      layers[i].refresh(1.0);
    }
  }
  [[nodiscard]] MatrixView<float> parameter(std::size_t i, const std::string& name) {
    for (const Parameter<float>& each : layers[i].parameters())
      if (each.name == (i == 0 ? "a." : "b.") + name) return each.value;
    return {};
  }
  [[nodiscard]] AnyLinear<float> trained_at(std::size_t i, const Places& places) {
    return train_changes<float>(layers[i], places, weights[i].view(), biases[i].view());
  }
};
HostMatrix<float> weight_of(AnyLinear<float>& layer) {
  HostMatrix<float> out(layer.shape().out, layer.shape().in);
  layer.export_masked(out.view());
  return out;
}
index_t count_of_places(const Places& places) { return kept_in(unpacked(places.mask())); }

}  // namespace

TEST_CASE("the largest changes of two layers are found together, exactly so many") {
  GatedPair pair;
  const index_t size = pair.shapes[0].size() + pair.shapes[1].size();
  for (const double share : {0.005, 0.3, 1.0}) {
    const std::vector<Places> places = largest_changes<float>(pair.pointers, share);
    REQUIRE(places.size() == 2);
    CHECK(count_of_places(places[0]) + count_of_places(places[1]) ==
          static_cast<index_t>(share * static_cast<double>(size)));
    float least = std::numeric_limits<float>::infinity(), most = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const HostMatrix<float> weight = weight_of(pair.layers[i]);
      for (index_t r = 0; r < weight.rows(); ++r)
        for (index_t c = 0; c < weight.cols(); ++c) {
          const float change = std::abs(weight(r, c) - pair.weights[i](r, c));
          if (places[i].mask()(r, c))
            least = std::min(least, change);
          else
            most = std::max(most, change);
        }
    }
    CHECK(least >= most - 1e-6F);  // of a difference that was rounded
  }
  const std::vector<Places> few = largest_changes<float>(pair.pointers);
  CHECK(count_of_places(few[0]) == size / 200);  // the second layer has changed too little
  CHECK(count_of_places(few[1]) == 0);
}

TEST_CASE("a layer trains what a gated one has changed at some places, and that is saved and made again") {
  for (const char* options : {"bias=trained", "bias=frozen"}) {
    INFO(options);
    GatedPair pair{options};
    const std::vector<Places> places = largest_changes<float>(pair.pointers, 0.1);
    for (std::size_t i = 0; i < 2; ++i) {
      AnyLinear<float> changed = pair.trained_at(i, places[i]);
      CHECK(changed.name() == pair.layers[i].name());
      CHECK(changed.sparsity() == 0);
      CHECK(changed.kept() == pair.shapes[i].size());
      const HostMatrix<float> found = weight_of(changed), before = weight_of(pair.layers[i]);
      for (index_t r = 0; r < found.rows(); ++r)
        for (index_t c = 0; c < found.cols(); ++c)
          REQUIRE(found(r, c) == (places[i].mask()(r, c) ? before(r, c) : pair.weights[i](r, c)));
      const bool trains_bias = std::string{options} == "bias=trained";
      CHECK(changed.trainable() == count_of_places(places[i]) + (trains_bias ? pair.shapes[i].out : 0));
      for (const Parameter<float>& each : changed.parameters()) each.value(0, 0) += 0.5F;
      changed.refresh(1.0);
      const TensorList state = changed.save();
      CHECK(is_of_changes(state));
      CHECK_FALSE(is_of_kept(state));
      CHECK_FALSE(is_of_changes(pair.layers[i].save()));
      CHECK(places_of(state, pair.shapes[i]).words == places[i].words);
      AnyLinear<float> again =
          restore_changes<float>("c", pair.shapes[i], state, pair.weights[i].view(), pair.biases[i].view());
      CHECK(distance(weight_of(again), weight_of(changed)) == 0);
      CHECK(again.save_bytes() == changed.save_bytes());
    }
  }
}

TEST_CASE("layers with a sparse change step together with others, all or none") {
  GatedPair pair;
  AnyLinear<float> changed = pair.trained_at(0, largest_changes<float>(pair.pointers, 0.1)[0]);
  const auto x = Draw{3}.normal<float>(4, 90), grad_y = Draw{4}.normal<float>(4, 70);
  changed.backward(x.view(), grad_y.view());
  const std::array<AnyLinear<float>*, 2> layers{&pair.layers[1], &changed};
  begin_step_together<float>(layers, 3, 10);
  CHECK(changed.parameters().at(0).grad(0, 0) == 0);
  changed.parameters().at(0).value(0, 0) = std::numeric_limits<float>::quiet_NaN();
  const std::uint64_t generation = pair.layers[1].generation();
  CHECK_THROWS_AS(begin_step_together<float>(layers, 4, 10), Error);
  CHECK(pair.layers[1].generation() == generation);
}

TEST_CASE("a weight of 16 bits, or in other memory, is taken where it fits") {
  GatedPair pair{"bias=frozen"};
  const Places places = largest_changes<float>(pair.pointers, 0.1)[0];
  std::vector<BFloat16> small;
  for (index_t r = 0; r < 70; ++r)
    for (index_t c = 0; c < 90; ++c) {
      small.push_back(static_cast<BFloat16>(pair.weights[0](r, c)));
      pair.weights[0](r, c) = static_cast<float>(small.back());
    }
  const MatrixView<const BFloat16> weight{small.data(), 70, 90};
  AnyLinear<float> stored = train_changes<float>(pair.layers[0], places, weight, pair.biases[0].view());
  AnyLinear<float> plain = pair.trained_at(0, places);
  CHECK(distance(weight_of(stored), weight_of(plain)) == 0);
  const HostMatrix<float> elsewhere = pair.weights[0];
  const HostMatrix<float> before = weight_of(plain);
  plain.attach(elsewhere.view(), pair.biases[0].view());
  pair.weights[0].fill(0);
  CHECK(distance(weight_of(plain), before) == 0);
  CHECK(error_of([&] { stored.attach(elsewhere.view(), pair.biases[0].view()); }) ==
        "layer a: the weight consists of other numbers than when the layer was made, expected the same");
}

TEST_CASE("layers without gates, shares out of range and places of another shape are refused") {
  GatedPair pair;
  HostMatrix<float> weight = Draw{1}.normal<float>(70, 90);
  AnyLinear<float> other = make_linear(read_spec("lora name=c"), {.in = 90, .out = 70});
  other.attach(weight.view());
  const std::array<AnyLinear<float>*, 2> layers{&pair.layers[0], &other};
  CHECK(error_of([&] { (void)largest_changes<float>(layers); }) ==
        "layer c: has no gates, expected a layer whose delta is gated");
  CHECK(error_of([&] { (void)largest_changes<float>(pair.pointers, 0.0); }) ==
        "the share of numbers that change is 0, expected one above 0 and at most 1");
  const std::vector<Places> places = largest_changes<float>(pair.pointers, 0.1);
  CHECK(error_of([&] { (void)pair.trained_at(0, places[1]); }) ==
        "layer a: the places are those of a weight of 150 x 40, expected 70 x 90");
  const TensorList state = pair.trained_at(0, places[0]).save();
  CHECK(error_of([&] { (void)places_of(state, {.in = 10, .out = 10}); }) ==
        "tensor places does not fit, expected 10 x 1 words of 64 bits");
  pair.parameter(1, "delta.w")(2, 3) = std::numeric_limits<float>::infinity();
  pair.parameter(1, "delta.gate")(2, 3) = 5;
  CHECK(error_of([&] {
          (void)largest_changes<float>(pair.pointers);
        }).starts_with("layer b: what is added to the weight is inf at row 2, column 3"));
}

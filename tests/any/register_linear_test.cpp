// SPDX-License-Identifier: Apache-2.0
#include "pst/any/register_linear.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "any/short_run.hpp"
#include "pst/any/layer_set.hpp"
#include "pst/pst.hpp"
#include "support/layer_tools.hpp"

using namespace pst;
using namespace pst::test;

namespace {

/// A metric of one's own: S += W^2.
struct Squared {
  using role = roles::importance;
  static constexpr bool learns = false;

  struct AddSquare {
    template <class T>
    PST_HD T operator()(T score, T weight) const {
      return score + weight * weight;
    }
  };
  template <class B, class Scalar>
  struct State {
    State(const Squared&, B&, const LayerLayout&, ViewOn<B, const Scalar>) {}
    void score(B& on, Tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      on.map(scores, AddSquare{}, scores, weight);
    }
    void backward(B&, Tile, ViewOn<B, const Scalar>, ViewOn<B, const Scalar>, ViewOn<B, Scalar>) {}
    void finish_backward(B&) {}
    void for_each_parameter(auto&&) {}
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }
  };
};
using Mine = SparseLinear<>::with<Squared>;

constexpr Shape own_shape{.in = 30, .out = 20};

}  // namespace

TEST_CASE("a layer type of one's own is made by its name") {
  register_linear<Mine>(
      "squared", [](const LinearSpec& spec) { return Mine::Options{.schedule = {.final_sparsity = spec.sparsity}}; });
  CHECK(is_registered("squared"));
  CHECK(std::ranges::count(registered_methods(), "squared") == 1);

  ShortRun<float> expected{own_shape}, found{own_shape};
  Mine layer{own_shape, {.schedule = {.final_sparsity = 0.75}, .seed = 7, .name = "s"}};
  AnyLinear<float> any = make_linear(read_spec("squared sparsity=0.75 seed=7 name=s"), own_shape);
  expected.train(layer), found.train(any);
  CHECK(found.trace == expected.trace);
  CHECK(found.masks == expected.masks);
  CHECK(uses_option({.method = "squared"}, "sparsity"));

  LayerSet<float> set;
  set.add("mine", {.method = "squared"}, own_shape).attach(found.weight.view());
  set.add("pst", {}, own_shape).attach(found.weight.view());
  set.begin_step(1, 1);
  CHECK(set.sparsity() == 0.9);
}

TEST_CASE("one name is registered once for each scalar type") {
  register_linear<Mine>("plain");
  CHECK(error_of([] { register_linear<Mine>("plain"); }) ==
        "a method is registered as plain, which is taken: choose another name");
  CHECK(error_of([] { static_cast<void>(make_linear<double>({.method = "plain"}, own_shape)); }) ==
        "method plain has no layer of double: register one");
  register_linear<Mine::with<double>>("plain");
  CHECK(make_linear<double>({.method = "plain"}, own_shape).shape() == own_shape);
  CHECK(error_of([] { register_linear<Mine>("pst"); }) ==
        "a method is registered as pst, which is one of the library's: choose another name");
  CHECK(error_of([] { register_linear<Mine>("a b"); }).starts_with("a method is registered as \"a b\""));
  CHECK(error_of([] { static_cast<void>(read_spec("plaim")); }).ends_with("; did you mean plain?"));
}

TEST_CASE("threads register and make layers at the same time") {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = "method" + std::to_string(t) + "-" + std::to_string(i);
        register_linear<Mine>(name);
        static_cast<void>(make_linear({.method = name, .threads = 1}, own_shape));
        static_cast<void>(make_linear({.threads = 1}, own_shape));
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(registered_methods().size() >= 100);
}

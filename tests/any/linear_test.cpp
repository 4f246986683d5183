// SPDX-License-Identifier: Apache-2.0
#include "pst/any/linear.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "any/short_run.hpp"
#include "pst/pst.hpp"
#include "support/layer_tools.hpp"

using namespace pst;
using namespace pst::test;

namespace {

using Base = SparseLinear<>::with<TrainedBias>::with<DynamicRank>;

/// The library's type that a specification stands for, in a short run of training, against AnyLinear.
template <class Layer>
void check_bits(const std::string& text, typename Layer::Options options) {
  using Scalar = typename Layer::scalar;
  INFO(text);
  for (const Shape shape : {Shape{.in = 44, .out = 100}, Shape{.in = 268, .out = 7}}) {
    ShortRun<Scalar> expected{shape}, found{shape};
    Layer layer{shape, options};
    AnyLinear<Scalar> any = make_linear<Scalar>(read_spec(text + " bias=trained"), shape);
    expected.train(layer);
    found.train(any);
    CHECK(found.trace == expected.trace);
    CHECK(found.masks == expected.masks);
    CHECK(found.names == expected.names);
    CHECK(any.generation() == layer.generation());
    CHECK(any.kept() == layer.kept());
    CHECK(any.sparsity() == layer.sparsity());
    CHECK(any.save_bytes() == layer.save_bytes());
  }
}

struct Numbers {
  static constexpr double beta = 0.5, alpha1 = 0.25, alpha2 = 2.0;
};
const std::string factors = " delta_rank=3 beta=0.5";

}  // namespace

TEST_CASE("PST has the bits of its type") {
  typename Base::Options options{.delta = {.scale = Numbers::beta, .rank = {3}}, .schedule = {.final_sparsity = 0.8}};
  options.importance.term<LowRankScore<DynamicRank>>() = {Numbers::alpha1, {5}};
  options.importance.term<RowColumnScore>().scale = Numbers::alpha2;
  const std::string text = "pst sparsity=0.8 score_rank=5 alpha1=0.25 alpha2=2" + factors;
  check_bits<Base>(text, options);
  check_bits<Base::with<MaskedGradient>>(text + " straight_through=masked",
                                         {options.importance, options.delta, {}, options.schedule});
  check_bits<Base::with<DenseGradient>>(text + " straight_through=dense",
                                        {options.importance, options.delta, {}, options.schedule});
  check_bits<Base::with<ScoreTokenSample>::with<RefreshEveryKthStep>>(
      text + " scores=sample-2 refresh=every-2",
      {options.importance, options.delta, {}, options.schedule, {}, {.stride = 2}, {.interval = 2}});
  check_bits<Base::with<ScoreRestAfter>::with<RefreshUntil>>(
      text + " scores=rest-0.5 refresh=until-0.5",
      {options.importance, options.delta, {}, options.schedule, {}, {.progress = 0.5}, {.progress = 0.5}});
}

TEST_CASE("PST in double has the bits of its type") {
  using Layer = Base::with<double>;
  check_bits<Layer>("pst", {});
}

TEST_CASE("every start of factors has the bits of its type") {
  check_bits<Base::with<PerWeightStart>>("pst delta_start=per-weight score_factor_start=per-weight", {});
  check_bits<Base::with<KaimingStart>>("pst delta_start=kaiming score_factor_start=kaiming", {});
  check_bits<Base>("pst delta_start=normal", {});
}

TEST_CASE("the ablations of PST have the bits of their types") {
  using Ab = Base::with<Sum<Magnitude, LowRankScore<DynamicRank>>>;
  using Rc = Base::with<Sum<Magnitude, RowColumnScore>>;
  check_bits<Ab>("pst-ab" + factors, {.delta = {.scale = Numbers::beta, .rank = {3}}});
  check_bits<Rc>("pst-rc" + factors, {.delta = {.scale = Numbers::beta, .rank = {3}}});
}

TEST_CASE("methods whose scores do not learn have the bits of their types, with scores at rest") {
  using Resting = Base::with<Magnitude>::with<MaskedGradient>::with<ScoreRestAfter>;
  check_bits<Resting::with<Full>>("magnitude straight_through=masked", {.score_gradient = {.progress = 0.0}});
  using Dense = Resting::with<ConstantSchedule>::with<RefreshUntil>;
  check_bits<Dense::with<Full>>(
      "full", {.schedule = {.sparsity = 0.0}, .score_gradient = {.progress = 0.0}, .refresh = {.progress = 0.0}});
  check_bits<Dense>("lora" + factors, {.delta = {.scale = Numbers::beta, .rank = {3}},
                                       .schedule = {.sparsity = 0.0},
                                       .score_gradient = {.progress = 0.0},
                                       .refresh = {.progress = 0.0}});
}

TEST_CASE("DoRA has the bits of its type, under any metric and in 16 bits") {
  using Dora = Base::with<RowScaled<>>::with<DynamicRank>;
  using Dense = Dora::with<Magnitude>::with<MaskedGradient>::with<ConstantSchedule>::with<KeepAll>;
  const LowRank<DynamicRank> inner{.scale = Numbers::beta, .rank = {3}};
  check_bits<Dense>("dora" + factors, {.delta = {inner}});
  check_bits<Dense::with<KeepNonZeros>>("dora selector=nonzeros" + factors, {.delta = {inner}});
  check_bits<Dora>("pst delta=dora" + factors, {.delta = {inner}});
  const Shape shape{.in = 20, .out = 12};
  ShortRun<float> data{shape};
  AnyLinear<float> any = make_linear(read_spec("dora delta_rank=3"), shape);
  any.attach(data.weight.view());
  CHECK(any.trainable() == 3 * (20 + 12) + 12);
}

TEST_CASE("a change behind gates has the bits of its type") {
  using Dense = Base::with<Gated>::with<Magnitude>::with<MaskedGradient>::with<ConstantSchedule>::with<KeepAll>;
  check_bits<Dense>("diff gate_penalty=0.1 gate_start=0.5", {.delta = {.penalty = 0.1, .first_gate = 0.5}});
}

TEST_CASE("masks that are kept as given have the bits of their types") {
  using Kept = Base::with<Magnitude>::with<MaskedGradient>::with<ConstantSchedule>;
  check_bits<Kept::with<KeepAll>>("lora selector=all" + factors, {.delta = {.scale = Numbers::beta, .rank = {3}}});
  check_bits<Kept::with<KeepNonZeros>>("lora selector=nonzeros" + factors,
                                       {.delta = {.scale = Numbers::beta, .rank = {3}}});
  check_bits<Kept::with<KeepNonZeros>::with<Full>>("magnitude selector=nonzeros", {});
}

TEST_CASE("movement pruning has the bits of its types") {
  check_bits<Base::with<Movement>::with<Full>>("movement score_start=10", {.importance = {.start = 10}});
  check_bits<Base::with<SoftMovement>::with<Full>::with<Threshold>>(
      "soft-movement penalty=300 target=0.5",
      {.importance = {.penalty = 300, .target_sparsity = 0.5}, .schedule = {.final_sparsity = 0}});
}

TEST_CASE("soft movement reports no target, for its threshold decides") {
  auto weight = Draw{1}.normal<float>(6, 8);
  AnyLinear<float> layer = make_linear(read_spec("soft-movement"), {.in = 8, .out = 6});
  layer.attach(weight.view());
  layer.begin_step(4, 4);
  CHECK(layer.report().target_sparsity == 0.0);
}

TEST_CASE("magnitude that counts by inputs and gradients has the bits of its types") {
  using Score = LowRankScore<DynamicRank>;
  check_bits<Base::with<Sum<Wanda, Score, RowColumnScore>>>(
      "pst weighted_by=both", {.importance = {{Wanda{.gradients = true}, Score{}, RowColumnScore{}}}});
  check_bits<Base::with<Wanda>::with<MaskedGradient>::with<ScoreRestAfter>::with<Full>>(
      "magnitude weighted_by=inputs straight_through=masked", {.score_gradient = {.progress = 0}});
}

TEST_CASE("sums that no method has have the bits of their types") {
  check_bits<Base::with<Sum<Magnitude, RowColumnScore>>::with<Frozen>>("pst-rc delta=frozen", {});
  check_bits<Base::with<Sum<Magnitude, Movement>>::with<Full>>("movement importance=magnitude+movement", {});
  check_bits<Base::with<Sum<LowRankScore<DynamicRank>, Movement>>>("pst importance=low-rank+movement", {});
}

TEST_CASE("every selector has the bits of its type") {
  const auto check = []<class Selector>(const char* name, Selector selector) {
    check_bits<SparseLinear<>::with<TrainedBias>::with<DynamicRank>::with<Selector>>(
        std::string{"pst selector="} + name, {.selector = selector});
  };
  check("per-row", PerRow{});
  check("rows", Rows{});
  check("columns", Columns{});
  check("threshold-1.5", Threshold{.value = 1.5});
  check("2:4", NofM<2, 4>{});
  check("block-1x8", Block<1, 8>{});
  check("global", TopK{});
}

TEST_CASE("ranks that come from the weight are those of EnergyRank") {
  using Layer = SparseLinear<>::with<TrainedBias>::with<EnergyRank>;
  typename Layer::Options options{.delta = {.rank = {.energy = 0.5, .limit = 40}}};
  options.importance.term<LowRankScore<EnergyRank>>().rank = {.energy = 0.3, .limit = 8};
  check_bits<Layer>("pst delta_energy=0.5 delta_rank=40 score_energy=0.3", options);
}

TEST_CASE("a weight of 16 bits has the bits of its type") {
  const Shape shape{.in = 40, .out = 120};
  const auto numbers = Draw{3}.normal<float>(shape.out, shape.in);
  std::vector<BFloat16> small;
  for (index_t r = 0; r < shape.out; ++r)
    for (index_t c = 0; c < shape.in; ++c) small.push_back(static_cast<BFloat16>(numbers(r, c)));
  const MatrixView<const BFloat16> weight{small.data(), shape.out, shape.in};
  ShortRun<float> expected{shape}, found{shape};
  SparseLinear<>::with<DynamicRank>::with<StoredAs<BFloat16>> layer{shape};
  AnyLinear<float> any = make_linear(read_spec("pst storage=bf16"), shape);
  layer.attach(weight), any.attach(weight);
  expected.steps(layer), found.steps(any);
  CHECK(found.trace == expected.trace);
  CHECK(error_of([&] { any.attach(numbers.view()); }) ==
        "layer: the weight consists of float, the layer expects bfloat16: make it with another storage");
}

TEST_CASE("a layer does everything that its type does") {
  const Shape shape{.in = 20, .out = 12};
  ShortRun<float> data{shape};
  AnyLinear<float> any;
  CHECK_FALSE(any);
  any = make_linear({.name = "one", .sparsity = 0.5, .bias = "trained"}, shape);
  CHECK(any.name() == "one");
  CHECK(any.shape() == shape);
  any.attach(data.weight.view(), data.bias.view());
  CHECK(any.trainable() == 2 * 8 * (20 + 12) + 12 + 20 + 12);
  CHECK(any.layout().entries.front().name == "one.delta.U");
  std::vector<float> parameters(static_cast<std::size_t>(any.layout().own)),
      gradients(static_cast<std::size_t>(any.layout().size));
  any.bind({parameters.data(), 1, any.layout().own}, {gradients.data(), 1, any.layout().size});
  data.steps(any);
  CHECK(any.parameters().front().value.data == parameters.data());
  CHECK(any.parameters().size() == any.layout().entries.size());

  HostMatrix<float> masked(12, 20);
  any.export_masked(masked.view());
  CHECK(any.export_csr().value.size() == static_cast<std::size_t>(any.kept()));
  CHECK(any.export_bitmask().value == any.export_csr().value);
  CHECK(any.report().kept == any.kept());
  CHECK(any.report().name == "one");

  AnyLinear<float> copy = any.clone(), elsewhere = any.clone(share_cpu(1));
  CHECK(copy.save_bytes() == any.save_bytes());
  CHECK(elsewhere.save_bytes() == any.save_bytes());
  const TensorList state = any.save();
  data.steps(any);
  CHECK(copy.save_bytes() != any.save_bytes());
  any.restore(state);
  CHECK(copy.save_bytes() == any.save_bytes());
  data.steps(any);
  any.restore_bytes(copy.save_bytes());
  CHECK(copy.save_bytes() == any.save_bytes());

  const std::uint64_t before = any.generation();
  any.set_mask(copy.mask());
  CHECK(any.generation() != before);
  any.refresh(1.0);
  any.zero_gradients();
  CHECK(std::all_of(gradients.begin(), gradients.end(), [](float each) { return each == 0; }));
}

TEST_CASE("what trains in place must be variable") {
  const Shape shape{.in = 6, .out = 4};
  ShortRun<float> data{shape};
  const MatrixView<const float> constant = data.weight.view(), constant_bias = data.bias.view();
  AnyLinear<float> full = make_linear({.method = "full", .name = "f"}, shape);
  CHECK(error_of([&] { full.attach(constant); }) ==
        "layer f: the weight trains in place, but a constant one is attached: attach a view of variables");
  AnyLinear<float> pst = make_linear({.name = "p", .bias = "trained"}, shape);
  CHECK(error_of([&] { pst.attach(constant, constant_bias); }) ==
        "layer p: the bias trains in place, but a constant one is attached: attach a view of variables");
  pst.attach(constant, data.bias.view());
  AnyLinear<float> frozen = make_linear({.name = "p"}, shape);
  frozen.attach(constant, constant_bias);
}

TEST_CASE("a column-major weight is borrowed as it is") {
  const Shape shape{.in = 10, .out = 16};
  ShortRun<float> plain{shape}, turned{shape};
  HostMatrix<float> columns(10, 16);
  for (index_t r = 0; r < 16; ++r)
    for (index_t c = 0; c < 10; ++c) columns(c, r) = plain.weight(r, c);
  AnyLinear<float> one = make_linear({.name = "x"}, shape), two = make_linear({.name = "x"}, shape);
  one.attach(plain.weight.view());
  two.attach(StridedView<float>{columns.view()}.transposed());
  plain.steps(one), turned.steps(two);
  CHECK(plain.masks == turned.masks);
}

TEST_CASE("a progress is no step") {
  const auto begins = []<class T>(T) {
    return requires(AnyLinear<float> & any, T step) { any.begin_step(step, 10); };
  };
  CHECK(begins(1));
  CHECK(begins(index_t{1}));
  CHECK_FALSE(begins(0.5));
  CHECK_FALSE(std::is_copy_constructible_v<AnyLinear<float>>);
}

TEST_CASE("layers that are made from a bad specification are refused") {
  const Shape shape{.in = 6, .out = 4};
  CHECK(error_of([&] {
          static_cast<void>(make_linear({.method = "mst"}, shape));
        }).starts_with("there is no method \"mst\", expected one of pst, "));
  CHECK(error_of([&] { static_cast<void>(make_linear<double>({.storage = "f16"}, shape)); }) ==
        "storage is f16, but the layer computes in double: expected scalar");
  CHECK(error_of([&] { static_cast<void>(make_linear({}, {.in = 0, .out = 4})); }) ==
        "a layer has at least one input and one output, found in = 0, out = 4");
}

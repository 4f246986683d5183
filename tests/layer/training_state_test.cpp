// SPDX-License-Identifier: Apache-2.0
#include "pst/layer/training_state.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "support/layer_tools.hpp"

namespace pst::test {
namespace {

/// A layer, its optimizer and the memory they work on.
template <class T, class Layer = PstLayer<T>>
struct Run {
  using Scalar = typename T::scalar;
  HostMatrix<Scalar> weight = Draw{1}.normal<Scalar>(35, 70, 2);
  HostMatrix<Scalar> bias = Draw{2}.normal<Scalar>(1, 35);
  Layer layer{{.in = 70, .out = 35}};
  AdamW<Scalar> optimizer{{.learning_rate = 0.05, .weight_decay = 0.01}};
  HostMatrix<Scalar> y{9, 35}, grad_x{9, 70};

  Run() { layer.attach(weight.view(), bias.view()); }

  void train(int first, int last) {
    for (int step = first; step < last; ++step) {
      const auto seed = static_cast<std::uint64_t>(100 + step);
      const auto x = Draw{seed}.normal<Scalar>(9, 70), grad_y = Draw{seed + 50}.normal<Scalar>(9, 35);
      layer.begin_step(step + 1, 10);
      layer.forward(x.view(), y.view());
      layer.backward(x.view(), grad_y.view(), grad_x.view());
      optimizer.step(parameters_of(layer));
    }
  }
};

bool same_tensors(const TensorList& a, const TensorList& b) {
  bool same = a.size() == b.size();
  for (std::size_t n = 0; same && n < a.size(); ++n)
    same = a[n].name == b[n].name && a[n].dtype == b[n].dtype && a[n].shape == b[n].shape && a[n].bytes == b[n].bytes;
  return same;
}

template <class T, class Layer>
void check_continuation() {
  using Scalar = typename T::scalar;
  Run<T, Layer> whole, resumed;
  whole.train(0, 5);
  const TensorList layer_state = whole.layer.save(), optimizer_state = whole.optimizer.save();
  if constexpr (!std::is_const_v<std::remove_pointer_t<decltype(Layer::WeightView::data)>>)
    resumed.weight.fill(0);  // restore brings it back
  resumed.layer.restore(layer_state);
  resumed.optimizer.restore(optimizer_state);
  CHECK(same_tensors(resumed.layer.save(), layer_state));
  CHECK(same_tensors(resumed.optimizer.save(), optimizer_state));
  CHECK(resumed.layer.sparsity() == whole.layer.sparsity());
  CHECK(resumed.layer.kept() == whole.layer.kept());

  HostMatrix<Scalar> y_before(9, 35), y_after(9, 35);  // without a step in between
  const auto x = Draw{3}.normal<Scalar>(9, 70);
  whole.layer.refresh(0.5);
  resumed.layer.restore(whole.layer.save());
  whole.layer.forward(x.view(), y_before.view());
  resumed.layer.forward(x.view(), y_after.view());
  CHECK(same_bits(y_before, y_after));

  whole.train(5, 10), resumed.train(5, 10);
  CHECK(same_tensors(resumed.layer.save(), whole.layer.save()));
  CHECK(same_tensors(resumed.optimizer.save(), whole.optimizer.save()));
  CHECK(same_bits(resumed.y, whole.y));
  CHECK(same_bits(resumed.grad_x, whole.grad_x));
  CHECK(same_bits(resumed.weight, whole.weight));
  CHECK(same_bits(resumed.bias, whole.bias));
  CHECK_FALSE(same_tensors(whole.layer.save(), layer_state));
}

template <class T>
using Moving =
    typename SparseLinear<typename T::scalar>::template with<typename T::backend>::template with<TrainedBias>;

TEST_CASE_TEMPLATE("a run that was saved goes on bit for bit", T, ReferenceDouble, PartsFloat) {
  check_continuation<T, Moving<T>>();
}
TEST_CASE_TEMPLATE("a run that trains the weight itself goes on bit for bit", T, ReferenceDouble, PartsFloat) {
  check_continuation<T, typename Moving<T>::template with<Full>::template with<Movement>>();
}
/// The mask moves in steps 0, 3, 6 and 9, scores learn in steps 0, 2, 4, 6 and 8: step 5, where a run is saved, is in
/// the middle of both.
template <class T, class ScoreGradient>
struct InAnInterval : Moving<T>::template with<RefreshEveryKthStep>::template with<ScoreGradient> {
  using Layer = typename Moving<T>::template with<RefreshEveryKthStep>::template with<ScoreGradient>;
  explicit InAnInterval(Shape shape) : Layer{shape, options()} {}
  [[nodiscard]] static typename Layer::Options options() {
    typename Layer::Options out{.refresh = {.interval = 3}};
    if constexpr (std::is_same_v<ScoreGradient, ScoreEveryKthStep>) out.score_gradient.interval = 2;
    return out;
  }
};

TEST_CASE_TEMPLATE("a run that was saved in the middle of an interval goes on bit for bit", T, ReferenceDouble,
                   PartsFloat) {
  check_continuation<T, InAnInterval<T, ScoreEveryKthStep>>();
  check_continuation<T, InAnInterval<T, ScoreTokenSample>>();
}
TEST_CASE_TEMPLATE("a restored layer keeps its mask in the steps that the saved one keeps it", T, ReferenceFloat,
                   PartsFloat) {
  using Layer = typename PstLayer<T>::template with<RefreshEveryKthStep>;
  const auto weight = Draw{1}.normal<float>(20, 70);
  const typename Layer::Options options{.refresh = {.interval = 3}};
  Layer saved{{.in = 70, .out = 20}, options}, restored{{.in = 70, .out = 20}, options};
  saved.attach(weight.view()), restored.attach(weight.view());
  saved.begin_step(1, 9), saved.begin_step(2, 9);
  restored.restore(saved.save());
  const auto mask = unpacked(saved.mask());
  for (Layer* layer : {&saved, &restored}) {
    assign(parameter_of(*layer, "score.R").value, Draw{2}.normal<float>(20, 1));
    layer->begin_step(3, 9);
    CHECK(unpacked(layer->mask()) == mask);
    layer->begin_step(4, 9);
    CHECK(unpacked(layer->mask()) != mask);
  }
}
TEST_CASE_TEMPLATE("what was saved before the first step can be restored", T, ReferenceFloat, PartsFloat) {
  Run<T> first, second;
  const TensorList state = first.layer.save();
  second.train(0, 2);
  second.layer.restore(state);
  CHECK(same_tensors(second.layer.save(), state));
  CHECK(second.layer.kept() == 70 * 35);
  CHECK(error_of([&] { second.layer.forward(second.grad_x.view(), second.y.view()); }) ==
        "layer: call begin_step or refresh before forward");
}
TEST_CASE_TEMPLATE("restore sets the gradients to zero", T, ReferenceFloat, PartsFloat) {
  Run<T> run;
  run.train(0, 1);
  run.layer.restore(run.layer.save());
  run.layer.for_each_parameter(
      [](const auto& p) { CHECK(distance(p.grad, HostMatrix<double>(p.grad.rows, p.grad.cols).view()) == 0); });
}
TEST_CASE_TEMPLATE("after restore a report says that nothing has changed", T, ReferenceFloat, PartsFloat) {
  Run<T> run;
  run.train(0, 8);
  REQUIRE(run.layer.report().churn() > 0);
  run.layer.restore(run.layer.save());
  CHECK(run.layer.report().churn() == 0);
}
TEST_CASE("the state of a layer of another shape is refused, though its mask has as many words") {
  using Layer = SparseLinear<float>::with<Magnitude>::with<Frozen>;
  const HostMatrix<float> wide(3, 40), narrow(3, 39);
  Layer source{{.in = 40, .out = 3}}, target{{.in = 39, .out = 3}};
  source.attach(wide.view()), target.attach(narrow.view());
  CHECK(error_of([&] { target.restore(source.save()); }) == "layer: tensor shape is not that of this layer, 3 x 39");
}
TEST_CASE("two parameters of one name are saved under two names") {
  SparseLinear<float>::with<Sum<RowColumnScore, Movement, LowRankScore<Rank<2>>, LowRankScore<Rank<3>>>> layer{
      {.in = 5, .out = 4}};
  const HostMatrix<float> weight(4, 5);
  layer.attach(weight.view());
  const TensorList state = layer.save();
  CHECK(find(state, "score.A").shape == std::vector<index_t>{4, 2});
  CHECK(find(state, "score.A#2").shape == std::vector<index_t>{4, 3});
  CHECK(find(state, "score.B#2").shape == std::vector<index_t>{3, 5});
}
TEST_CASE_TEMPLATE("restore refuses what save did not give, and changes nothing", T, ReferenceDouble, PartsFloat) {
  using Scalar = typename T::scalar;
  constexpr Scalar nan = std::numeric_limits<Scalar>::quiet_NaN(), infinity = std::numeric_limits<Scalar>::infinity();
  Run<T> source, target;
  source.train(0, 8);
  target.train(0, 6);
  const TensorList good = source.layer.save(), before = target.layer.save();
  const std::size_t count = good.size();
  REQUIRE(count == 10);  // U V A B R C, the bias, the mask, the shape and the sparsity
  const auto refused = [&](const TensorList& state) {
    const std::string text = error_of([&] { target.layer.restore(state); });
    CHECK(same_tensors(target.layer.save(), before));
    return text;
  };
  for (std::size_t n = 0; n < count; ++n) {
    const std::string name = good[n].name;
    CAPTURE(name);
    TensorList state = good;
    state.erase(state.begin() + static_cast<std::ptrdiff_t>(n));
    CHECK(refused(state).ends_with(": the state has no tensor " + name +
                                   " among its 9 tensors; was it saved by a layer with other policies, "
                                   "or by one whose kept weights or changes train?"));
    state = good;
    state[n].shape.push_back(2), state[n].bytes.resize(2 * state[n].bytes.size());
    const char* const why = name == "shape" ? " is not that of this layer, 35 x 70" : " does not fit, expected ";
    CHECK(refused(state).find("tensor " + name + why) != std::string::npos);
    state = good;
    state[n].bytes.pop_back();
    CHECK(refused(state).find("tensor " + name + " does not hold ") != std::string::npos);
    state = good;
    state[n].dtype = DType::i32, state[n].bytes.resize(static_cast<std::size_t>(state[n].size()) * 4);
    CHECK(refused(state).find("tensor " + name) != std::string::npos);
  }
  const auto with = [&](std::string_view name, auto value, std::size_t index) {
    TensorList state = good;
    for (Tensor& tensor : state)
      if (tensor.name == name) std::memcpy(tensor.bytes.data() + index * sizeof value, &value, sizeof value);
    return state;
  };
  CHECK(refused(with("score.C", nan, 69)) == "layer: tensor score.C holds nan, expected finite numbers");
  CHECK(refused(with("delta.U", -infinity, 0)) == "layer: tensor delta.U holds -inf, expected finite numbers");
  CHECK(refused(with("bias", nan, 3)) == "layer: tensor bias holds nan, expected finite numbers");
  const char* const one_number = "layer: tensor sparsity does not fit, expected one number, at least -1 and below 1";
  CHECK(refused(with("sparsity", 1.0, 0)) == one_number);
  CHECK(refused(with("sparsity", std::numeric_limits<double>::quiet_NaN(), 0)) == one_number);
  TensorList more = good;
  more.push_back(Tensor::from<std::int64_t>("steps", {1}, std::vector<std::int64_t>{3}));
  CHECK(refused(more) ==
        "layer: tensor steps is nothing that this layer knows; was it saved by a layer with other policies?");
  more.back() = good.front();
  CHECK(refused(more) == "layer: tensor delta.U is there 2 times, expected once");
  // 70 columns: bit 6 of a row's second word is beyond them, bit 5 is not
  CHECK(refused(with("mask", mask_word{1} << 6, 2 * 34 + 1)) == "layer: tensor mask has bits set beyond column 70");
  target.layer.restore(with("mask", mask_word{1} << 5, 2 * 34 + 1));
  target.layer.restore(good);
  CHECK(same_tensors(target.layer.save(), good));
}

}  // namespace
}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/posed_layer.hpp"

namespace pst::test {
namespace {

constexpr Case posed_case{{70, 41}, 9, 3, 4, 0.8};

TEST_CASE_TEMPLATE("refresh twice is refresh once: nothing is counted and no gradient is touched", T, ReferenceFloat,
                   PartsFloat) {
  for (double above : {-1.0, 1.0}) {
    using Layer = typename PstLayer<T>::template with<RefreshEveryKthStep>::template with<ScoreEveryKthStep>;
    const typename Layer::Options options{
        .score_gradient = {.interval = 2}, .refresh = {.interval = 3}, .dense_above_density = above};
    Posed<Layer> plain{posed_case, {}, options}, evaluated{posed_case, {}, options};
    for (int step = 1; step <= 7; ++step) {
      CAPTURE(step);
      for (Posed<Layer>* posed : {&plain, &evaluated}) {
        posed->move_factors();
        posed->layer.begin_step(step, 20);
        posed->pass();
      }
      const auto before = gradients_of(evaluated.layer);
      for (int again = 0; again < 2; ++again) {  // an evaluation in the middle of a step, with half-gathered gradients
        evaluated.layer.refresh(step / 20.0);
        evaluated.layer.forward(evaluated.own_x.view(), evaluated.y.view());
      }
      const auto after = gradients_of(evaluated.layer);
      for (std::size_t n = 0; n < before.size(); ++n) CHECK(same_bits(before[n], after[n]));
      plain.pass(), evaluated.pass();
      CHECK(same_bits(plain.y, evaluated.y));
      CHECK(unpacked(plain.layer.mask()) == unpacked(evaluated.layer.mask()));
      const auto expected = gradients_of(plain.layer), found = gradients_of(evaluated.layer);
      for (std::size_t n = 0; n < expected.size(); ++n) CHECK(same_bits(expected[n], found[n]));
    }
  }
}
TEST_CASE_TEMPLATE("refresh moves the mask where every step does, and makes the first one", T, ReferenceFloat,
                   PartsFloat) {
  Posed<PstLayer<T>> every{posed_case};
  Posed<typename PstLayer<T>::template with<RefreshUntil>> until{posed_case};
  every.layer.refresh(0.5), until.layer.refresh(0.9);
  CHECK(unpacked(every.layer.mask()) == unpacked(until.layer.mask()));
  const auto first = unpacked(every.layer.mask());
  every.move_factors(), until.move_factors();
  every.layer.refresh(0.5), until.layer.refresh(0.5);
  CHECK(unpacked(every.layer.mask()) != first);
  CHECK(unpacked(until.layer.mask()) == first);  // a later step would see that the mask had moved
}
TEST_CASE_TEMPLATE("W' is that of the last refresh, dense and compressed alike", T, ReferenceDouble, PartsFloat) {
  for (double above : {-1.0, 1.0}) {
    Posed<PstLayer<T>> posed{posed_case, {}, {.dense_above_density = above}};
    posed.layer.begin_step(1, 2);
    posed.pass();
    const auto y = posed.y, grad_x = posed.grad_x;
    const auto gradients = gradients_of(posed.layer);
    const std::uint64_t generation = posed.layer.generation();
    const auto factors = posed.problem;
    posed.move_factors();
    posed.layer.zero_gradients();
    posed.pass();
    CHECK(same_bits(posed.y, y));
    CHECK(same_bits(posed.grad_x, grad_x));
    const auto again = gradients_of(posed.layer);
    for (std::size_t n = 0; n < 2; ++n) CHECK(same_bits(again[n], gradients[n]));  // U and V: of the same W~
    CHECK(posed.layer.generation() == generation);
    posed.layer.refresh(0.5);
    CHECK(posed.layer.generation() != generation);
    posed.pass();
    CHECK_FALSE(same_bits(posed.y, y));
    posed.problem = factors;
  }
}
TEST_CASE_TEMPLATE("after a refresh that was refused, W' is that of before", T, ReferenceFloat, PartsFloat) {
  for (double above : {-1.0, 1.0}) {
    Posed<PstLayer<T>> posed{posed_case, {}, {.dense_above_density = above}};
    posed.layer.begin_step(1, 2);
    posed.pass();
    const auto y = posed.y;
    const auto gradients = gradients_of(posed.layer);
    for (const char* name : {"delta.U", "delta.V", "score.C"}) {
      auto& number = parameter_of(posed.layer, name).value(0, 1);
      const auto good = std::exchange(number, std::numeric_limits<typename T::scalar>::quiet_NaN());
      CHECK_THROWS_AS(posed.layer.begin_step(2, 2), Error);
      CHECK_THROWS_AS(posed.layer.refresh(0.5), Error);
      const auto after = gradients_of(posed.layer);
      for (std::size_t n = 0; n < after.size(); ++n) CHECK(same_bits(after[n], gradients[n]));
      posed.layer.forward(posed.own_x.view(), posed.y.view());
      CHECK(same_bits(posed.y, y));
      number = good;
    }
  }
}
TEST_CASE_TEMPLATE("backward overwrites the gradients when it is asked to", T, ReferenceDouble, PartsFloat) {
  Posed<PstLayer<T>> posed{posed_case};
  posed.layer.begin_step(1, 2);
  const auto x = posed.own_x.view(), grad_y = posed.own_grad_y.view();
  posed.layer.backward(x, grad_y);
  const auto once = gradients_of(posed.layer);
  posed.layer.backward(x, grad_y, {}, Gradients::overwrite);
  const auto again = gradients_of(posed.layer);
  for (std::size_t n = 0; n < once.size(); ++n) CHECK(same_bits(once[n], again[n]));
}
TEST_CASE_TEMPLATE("a penalty does not come back after a step at rest was refused", T, ReferenceFloat, PartsFloat) {
  using Soft = typename SparseLinear<>::with<typename T::backend>::template with<SoftMovement>::template with<
      Threshold>::template with<ScoreEveryKthStep>;
  auto weight = Draw{1}.normal<float>(9, 5);
  Soft layer{{.in = 5, .out = 9}, {.importance = {.penalty = 3}, .score_gradient = {.interval = 2}}};
  layer.attach(weight.view());
  layer.begin_step(1, 8);
  CHECK(parameter_of(layer, "score.S").grad(8, 4) != 0);
  layer.begin_step(2, 8);  // scores rest
  CHECK(parameter_of(layer, "score.S").grad(8, 4) == 0);
  HostMatrix<float> x(2, 5), grad_y(2, 9);
  x(0, 0) = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(layer.backward(x.view(), grad_y.view()), Error);
  CHECK(parameter_of(layer, "score.S").grad(8, 4) == 0);
  const float good = std::exchange(weight(3, 3), std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_AS(layer.begin_step(4, 8), Error);
  CHECK(parameter_of(layer, "score.S").grad(8, 4) == 0);
  weight(3, 3) = good;
  layer.zero_gradients();
  CHECK(parameter_of(layer, "score.S").grad(8, 4) == 0);
}
TEST_CASE_TEMPLATE("a clone goes on bit for bit, in memory of its own", T, ReferenceDouble, PartsFloat) {
  for (double above : {-1.0, 1.0}) {
    Posed<PstLayer<T>> posed{posed_case, {}, {.name = "query", .dense_above_density = above}};
    posed.layer.begin_step(1, 2);
    posed.pass();
    posed.move_factors();  // W' stays that of the refresh, in the clone too
    auto clone = posed.layer.clone();
    CHECK(clone.generation() == posed.layer.generation());
    CHECK(unpacked(clone.mask()) == unpacked(posed.layer.mask()));
    const auto gradients = gradients_of(posed.layer), cloned = gradients_of(clone);
    for (std::size_t n = 0; n < cloned.size(); ++n) CHECK(same_bits(gradients[n], cloned[n]));
    HostMatrix<typename T::scalar> y(posed_case.tokens, posed_case.shape.out);
    clone.forward(posed.own_x.view(), y.view());
    posed.layer.forward(posed.own_x.view(), posed.y.view());
    CHECK(same_bits(y, posed.y));
    parameter_of(posed.layer, "delta.U").value(0, 0) += 1;
    CHECK(parameter_of(clone, "delta.U").value(0, 0) != parameter_of(posed.layer, "delta.U").value(0, 0));
  }
}
TEST_CASE_TEMPLATE("a mask from elsewhere is taken as it is, and multiplied with", T, ReferenceFloat, PartsFloat) {
  for (double above : {-1.0, 1.0}) {
    Posed<PstLayer<T>> posed{posed_case, {}, {.dense_above_density = above}};
    std::vector<mask_word> words(2 * 41, 0);  // 70 columns are two words
    for (std::size_t r = 0; r < 41; ++r) words[2 * r] = 0x5555555555555555U + r, words[2 * r + 1] = r % 64;
    const MaskView<const mask_word> mask{words.data(), 41, 70};
    posed.layer.set_mask(mask);
    CHECK(unpacked(posed.layer.mask()) == unpacked(mask));
    posed.pass();
    posed.check();
    words[3] |= mask_word{1} << 6;
    CHECK(error_of([&] { posed.layer.set_mask(mask); }) == "layer: the mask has bits set beyond column 70");
    CHECK(error_of([&] {
            posed.layer.set_mask({words.data(), 40, 70});
          }) == "layer: the mask is 40 x 70, the layer expects 41 x 70");
  }
}
TEST_CASE_TEMPLATE("bytes that save gave are restored, and others are refused", T, ReferenceDouble, PartsFloat) {
  Posed<PstLayer<T>> source{posed_case}, target{posed_case};
  source.move_factors();
  source.layer.begin_step(1, 2);
  const std::vector<std::byte> bytes = source.layer.save_bytes();
  target.layer.restore_bytes(bytes);
  CHECK(target.layer.save_bytes() == bytes);
  CHECK(unpacked(target.layer.mask()) == unpacked(source.layer.mask()));
  for (std::size_t end = 0; end < bytes.size(); end += 37)
    CHECK_THROWS_AS(target.layer.restore_bytes(std::span{bytes}.first(end)), Error);
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  CHECK(error_of([&] { target.layer.restore_bytes(longer); }) ==
        "a state has 1 bytes behind its last tensor, expected none");
  CHECK(target.layer.save_bytes() == bytes);
}
TEST_CASE("layers without a name start from other factors where their weights differ, and from the same where not") {
  const auto weight = Draw{1}.normal<float>(20, 30), other_weight = Draw{2}.normal<float>(20, 30);
  SparseLinear<> one{{30, 20}}, same{{30, 20}}, other{{30, 20}};
  one.attach(weight.view()), same.attach(weight.view()), other.attach(other_weight.view());
  const auto start = copy_of(parameter_of(one, "delta.U").value);
  CHECK(same_bits(copy_of(parameter_of(same, "delta.U").value), start));
  CHECK_FALSE(same_bits(copy_of(parameter_of(other, "delta.U").value), start));
}
TEST_CASE_TEMPLATE("a refusal in one of several layers leaves none a step ahead", T, ReferenceFloat, PartsFloat) {
  using Layer = typename PstLayer<T>::template with<GlobalTopK>;
  Posed<Layer> a{posed_case}, b{{{30, 41}, 9, 3, 4, 0.8}};
  Layer* const both[] = {&a.layer, &b.layer};
  begin_step_together(std::span<Layer* const>{both}, 1, 4);
  a.pass(), b.pass();
  const auto mask = unpacked(a.layer.mask());
  const auto gradients = gradients_of(a.layer);
  a.move_factors(), b.move_factors();
  auto& number = parameter_of(b.layer, "delta.V").value(1, 1);
  number = std::numeric_limits<float>::quiet_NaN();
  CHECK(error_of([&] { begin_step_together(std::span<Layer* const>{both}, 2, 4); }) ==
        "layer: delta.V is nan at row 1, column 1, expected finite numbers");
  CHECK(unpacked(a.layer.mask()) == mask);
  const auto after = gradients_of(a.layer);
  for (std::size_t n = 0; n < after.size(); ++n) CHECK(same_bits(after[n], gradients[n]));
}

TEST_CASE_TEMPLATE("a restored layer learns at kept weights before its first step", T, ReferenceFloat, PartsFloat) {
  using Layer = typename SparseLinear<>::with<typename T::backend>::template with<Magnitude>::template with<
      MaskedGradient>::template with<ConstantSchedule>;
  const auto weight = Draw{1}.normal<float>(41, 70), x = Draw{2}.normal<float>(9, 70),
             grad_y = Draw{3}.normal<float>(9, 41);
  Layer trained{{70, 41}, {.schedule = {.sparsity = 0.8}}}, sparser{{70, 41}, {.schedule = {.sparsity = 0.95}}};
  trained.attach(weight.view()), sparser.attach(weight.view());
  trained.begin_step(1, 1), sparser.begin_step(1, 1);
  trained.backward(x.view(), grad_y.view());
  sparser.restore(trained.save());
  sparser.backward(x.view(), grad_y.view());
  const auto expected = gradients_of(trained), found = gradients_of(sparser);
  for (std::size_t n = 0; n < expected.size(); ++n) CHECK(same_bits(expected[n], found[n]));
}
TEST_CASE("memory that holds values is bound with gradients of zero, after own memory too") {
  Posed<PstLayer<EigenFloat>> posed{posed_case};
  posed.layer.begin_step(1, 2);
  posed.pass();
  const ParameterLayout& layout = posed.layer.layout();
  std::vector<float> values(static_cast<std::size_t>(layout.own), 0.5F);
  std::vector<float> gradients(static_cast<std::size_t>(layout.size), 7.0F);
  posed.layer.bind({values.data(), 1, layout.own}, {gradients.data(), 1, layout.size}, BoundRun::values);
  CHECK(std::count(gradients.begin(), gradients.end(), 0.0F) == layout.size);
  CHECK(std::count(values.begin(), values.end(), 0.5F) == layout.own);
}

}  // namespace
}  // namespace pst::test

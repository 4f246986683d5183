// SPDX-License-Identifier: Apache-2.0
#include <pst/adapter/bottleneck.hpp>

#include <cstdint>
#include <random>
#include <vector>

#include "gradient_check.hpp"
#include "transformer/encoder.hpp"

using namespace transformer;
using transformer::test::Mat;

namespace {

/// Pruned layers whose scores follow what flows through them, dropout, and a branch in every place.
Encoder<double> make_everything(NormPlace norm, bool together) {
  Encoder<double> encoder{{.blocks = 3,
                           .width = 6,
                           .heads = 3,
                           .hidden = 8,
                           .norm = norm,
                           .together = together,
                           .attention_dropout = 0.3,
                           .dropout = 0.3},
                          layers_of<double>(pst::read_spec("pst sparsity=0.5 schedule=constant weighted_by=both"))};
  std::mt19937_64 random{7};
  encoder.for_each_projection([&](auto& projection) { projection.initialise(random); });
  encoder.attach();
  for (std::size_t place = 0; place < branch_place_names.size(); ++place)
    encoder.put_branches(static_cast<BranchPlace>(place), pst::Bottleneck{.width = 2}, 5, {}, pst::share_cpu());
  return encoder;
}

/// What two steps leave: the output, the gradient of the input, and those of all parameters.
std::vector<Mat> two_steps(Encoder<double>& encoder, Encoder<double>::Tape& tape) {
  const Mat weight = test::normal(6, 6, 2);
  Mat y, grad_x;
  for (const index_t step : {1, 2}) {
    const Sequences sequences{.tokens = 3, .dropout_seed = static_cast<std::uint64_t>(step)};
    encoder.begin_step(step, 2);
    encoder.forward(test::normal(6, 6, static_cast<unsigned>(step)), sequences, tape, y);
    encoder.backward(sequences, tape, weight, grad_x);
    if (step == 1) encoder.for_each_parameter([](auto each) { map(each.value) -= 0.1 * map(each.grad); });
  }
  std::vector<Mat> all{y, grad_x};
  encoder.for_each_parameter([&](auto each) { all.push_back(map(each.grad)); });
  return all;
}

}  // namespace

TEST_CASE("blocks that are computed again in backward give the same bits from one tape") {
  for (const NormPlace norm : {NormPlace::before, NormPlace::after})
    for (const bool together : {false, true}) {
      Encoder<double> kept = make_everything(norm, together), again = make_everything(norm, together);
      again.recompute = true;
      Encoder<double>::Tape of_kept, of_again;
      const std::vector<Mat> expected = two_steps(kept, of_kept), found = two_steps(again, of_again);
      CHECK(of_kept.blocks.size() == 3);
      CHECK(of_again.blocks.size() == 1);
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == expected[i]);
    }
}

TEST_CASE("blocks that backward does not reach share a tape with the lowest that it does") {
  Encoder<double> encoder = make_everything(NormPlace::after, false);
  encoder.lowest_trained = 1;
  Encoder<double>::Tape tape;
  static_cast<void>(two_steps(encoder, tape));
  CHECK(tape.blocks.size() == 2);
}

TEST_CASE("a pass without backward gives the bits of one with it, from one tape") {
  for (const NormPlace norm : {NormPlace::before, NormPlace::after}) {
    Encoder<double> encoder = make_everything(norm, false);
    encoder.begin_step(1, 2);
    Encoder<double>::Tape tape, of_infer;
    Mat expected, found;
    encoder.forward(test::normal(6, 6, 1), {.tokens = 3}, tape, expected);
    encoder.infer(test::normal(6, 6, 1), {.tokens = 3}, of_infer, found);
    CHECK(found == expected);
    CHECK(of_infer.blocks.size() == 1);
    CHECK_THROWS_WITH_AS(encoder.backward({.tokens = 3}, of_infer, expected, found),
                         "the last pass of the encoder kept nothing for backward: call forward before it", pst::Error);
    encoder.infer(test::normal(9, 6, 1), {.tokens = 3}, tape, found);  // forward's tape serves as well
    encoder.forward(test::normal(6, 6, 1), {.tokens = 3}, tape, found);
    CHECK(found == expected);
  }
}

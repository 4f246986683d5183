// SPDX-License-Identifier: Apache-2.0
#include <pst/adapter/bottleneck.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <random>
#include <string>

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

/// What two steps behind a prefix leave.
struct Outcome {
  Mat y, grad_x, grad_prefix;
  std::map<std::string, Mat> gradients;

  bool operator==(const Outcome&) const = default;
};
Outcome two_steps(Encoder<double>& encoder, Encoder<double>::Tape& tape) {
  Outcome found;
  const Mat weight = test::normal(5, 6, 2), prefix = test::normal(2, 36, 5);
  found.grad_prefix = Mat::Zero(2, 36);
  encoder.set_prefix(view(prefix), view(found.grad_prefix));
  const std::array<index_t, 2> lengths{3, 2};
  for (const index_t step : {1, 2}) {
    const Sequences sequences{
        .tokens = 3, .lengths = lengths, .packed = true, .dropout_seed = static_cast<std::uint64_t>(step)};
    encoder.begin_step(step, 2);
    encoder.forward(test::normal(5, 6, static_cast<unsigned>(step)), sequences, tape, found.y);
    encoder.backward(sequences, tape, weight, found.grad_x);
    if (step == 1) encoder.for_each_parameter([](auto each) { map(each.value) -= 0.1 * map(each.grad); });
  }
  encoder.set_prefix({}, {});
  encoder.for_each_parameter([&](auto each) { found.gradients[std::string{each.name}] = map(each.grad); });
  return found;
}

}  // namespace

TEST_CASE("blocks that are computed again in backward give the same bits from one tape") {
  for (const NormPlace norm : {NormPlace::before, NormPlace::after})
    for (const bool together : {false, true}) {
      Encoder<double> kept = make_everything(norm, together), again = make_everything(norm, together);
      again.recompute = true;
      Encoder<double>::Tape of_kept, of_again;
      CHECK(two_steps(again, of_again) == two_steps(kept, of_kept));
      CHECK(of_kept.blocks.size() == 3);
      CHECK(of_again.blocks.size() == 1);
    }
}

TEST_CASE("blocks that backward does not reach share a tape with the lowest that it does, and change nothing above") {
  // One step: in the second one parameters below would have moved.
  const auto gradients = [](index_t lowest, bool recompute, std::size_t tapes) {
    Encoder<double> encoder = make_everything(NormPlace::after, false);
    encoder.lowest_trained = lowest;
    encoder.recompute = recompute;
    encoder.begin_step(1, 2);
    Encoder<double>::Tape tape;
    Mat y, grad_x;
    encoder.forward(test::normal(6, 6, 1), {.tokens = 3, .dropout_seed = 4}, tape, y);
    encoder.backward({.tokens = 3, .dropout_seed = 4}, tape, test::normal(6, 6, 2), grad_x);
    CHECK(tape.blocks.size() == tapes);
    std::map<std::string, Mat> found;
    encoder.for_each_parameter([&](auto each) {
      if (!each.name.starts_with("block0")) found[std::string{each.name}] = map(each.grad);
    });
    return found;
  };
  const auto all = gradients(0, false, 3);
  CHECK(all.size() > 20);
  CHECK(gradients(1, false, 2) == all);
  CHECK(gradients(1, true, 1) == all);
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

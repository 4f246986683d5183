// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/estimate.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

using namespace finetune;
using transformer::BranchPlace;
using transformer::NormPlace;

namespace {

using Block = transformer::Block<float>;

/// How many numbers a block has kept in matrices of its own, those of each row's norms aside.
index_t numbers_in(const Block::Tape& tape) {
  index_t count = tape.norm1.normal.size() + tape.norm2.normal.size() + tape.norm_of_sum.normal.size();
  const auto& attention = tape.attention;
  for (const Matrix* each :
       {&attention.q, &attention.k, &attention.v, &attention.context, &attention.probability, &attention.on_keys.in,
        &attention.on_values.in, &tape.attention_in, &tape.feed_in, &tape.hidden, &tape.active, &tape.normal_sum})
    count += each->size();
  for (const auto& branch : tape.branches) count += branch.in.size();
  return count;
}

/// The same from one pass over two sequences of 5 and 3 tokens.
index_t counted(transformer::EncoderConfig config, const std::vector<PlacedBranch>& branches) {
  transformer::Encoder<float> encoder{config, transformer::layers_of<float>(pst::read_spec("lora"))};
  std::mt19937_64 random{1};
  encoder.for_each_projection([&](auto& projection) { projection.initialise(random); });
  encoder.attach();
  for (const PlacedBranch& branch : branches)
    encoder.put_branches(branch.place, branch.policy, 1, {}, pst::share_cpu());
  encoder.begin_step(1, 1);
  constexpr std::array<index_t, 2> lengths{5, 3};
  transformer::Encoder<float>::Tape tape;
  Matrix y;
  encoder.forward(Matrix::Ones(8, config.width), {.tokens = 5, .lengths = lengths, .packed = true}, tape, y);
  REQUIRE(numbers_in(tape.blocks[0]) == numbers_in(tape.blocks[1]));
  return numbers_in(tape.blocks[0]);
}

index_t foretold(const transformer::EncoderConfig& config, const std::vector<PlacedBranch>& branches) {
  const RowsAndSquares block = kept_by_block(config, branches);
  return static_cast<index_t>(8 * block.rows + 2 * 5 * 5 * block.squares);
}

}  // namespace

TEST_CASE("the estimate counts what a block keeps for backward, with a branch in every place and without") {
  for (const NormPlace norm : {NormPlace::before, NormPlace::after})
    for (const bool together : {false, true}) {
      CAPTURE(together);
      const transformer::EncoderConfig config{
          .blocks = 2, .width = 12, .heads = 3, .hidden = 20, .norm = norm, .together = together};
      CHECK(foretold(config, {}) == counted(config, {}));
      std::vector<PlacedBranch> all;
      for (std::size_t place = 0; place < transformer::branch_place_names.size(); ++place) {
        CAPTURE(transformer::branch_place_names[place]);
        const PlacedBranch branch{static_cast<BranchPlace>(place), pst::Rescale{}};  // keeps nothing but its input
        CHECK(foretold(config, {branch}) == counted(config, {branch}));
        all.push_back(branch);
      }
      CHECK(foretold(config, all) == counted(config, all));
    }
}

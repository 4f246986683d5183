// SPDX-License-Identifier: Apache-2.0
#include <pst/core/random.hpp>

#include <cmath>

#include "finetune/generate/search.hpp"

namespace finetune {

namespace {

/// One sequence: the likeliest token each time, or one that is drawn.
class SingleSearch final : public Search {
 public:
  SingleSearch(std::span<const int> prompt, std::uint64_t number, const GenerationSettings& settings)
      : settings_{settings},
        prompt_{static_cast<index_t>(prompt.size())},
        ids_{prompt.begin(), prompt.end()},
        random_{pst::mix_bits(settings.seed ^ pst::mix_bits(number))} {}

  void step(Eigen::Ref<Matrix> logits, NextTokens& next) override {
    const TokenScores scores{logits.row(0).data(), static_cast<std::size_t>(logits.cols())};
    ban_repeats(ids_, settings_.no_repeat_ngram, scores);
    const int token = settings_.sample ? draw(scores) : likeliest(scores);
    ids_.push_back(token);
    if (is_end(settings_, token) || static_cast<index_t>(ids_.size()) - prompt_ >= settings_.max_new_tokens) return;
    next.from.push_back(0);
    next.tokens.push_back(token);
  }
  [[nodiscard]] Continuation result() const override { return {{ids_.begin() + prompt_, ids_.end()}, 0.0}; }

 private:
  int draw(std::span<const float> scores) {
    drawable(scores, settings_, tokens_);
    double left = static_cast<double>(random_() >> 11U) * 0x1.0p-53;  // the same with every standard library
    for (const auto& [probability, token] : tokens_)
      if ((left -= probability) < 0) return token;
    return tokens_.back().second;
  }

  GenerationSettings settings_;
  index_t prompt_;
  std::vector<int> ids_;
  std::mt19937_64 random_;
  std::vector<std::pair<double, int>> tokens_;
};

}  // namespace

std::unique_ptr<Search> make_search(std::span<const int> prompt, std::uint64_t number,
                                    const GenerationSettings& settings) {
  if (settings.beams > 1) return std::make_unique<BeamSearch>(prompt, settings);
  return std::make_unique<SingleSearch>(prompt, number, settings);
}

}  // namespace finetune

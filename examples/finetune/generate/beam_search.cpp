// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "finetune/generate/search.hpp"

namespace finetune {

BeamSearch::BeamSearch(std::span<const int> prompt, const GenerationSettings& settings)
    : settings_{settings}, prompt_{prompt.size()}, open_{{{prompt.begin(), prompt.end()}, 0.0}} {}

void BeamSearch::find_candidates(Eigen::Ref<Matrix> logits) {
  // So many that, whichever tokens end sentences, there are enough which do not.
  const auto most = std::max<std::size_t>(2, 1 + settings_.ends.size()) * static_cast<std::size_t>(settings_.beams);
  const auto goes_before = [](const Candidate& a, const Candidate& b) { return a.score > b.score; };
  candidates_.clear();
  double least = -std::numeric_limits<double>::infinity();
  for (index_t b = 0; b < logits.rows(); ++b) {
    const Beam& beam = open_[static_cast<std::size_t>(b)];
    const TokenScores scores{logits.row(b).data(), static_cast<std::size_t>(logits.cols())};
    log_softmax(scores);
    ban_repeats(beam.ids, settings_.no_repeat_ngram, scores);
    for (std::size_t token = 0; token < scores.size(); ++token) {
      const Candidate found{beam.score + static_cast<double>(scores[token]), b, static_cast<int>(token)};
      if (!(found.score > least)) continue;
      candidates_.insert(std::ranges::upper_bound(candidates_, found, goes_before), found);
      if (candidates_.size() > most) candidates_.pop_back();
      if (candidates_.size() == most) least = candidates_.back().score;
    }
  }
}

void BeamSearch::step(Eigen::Ref<Matrix> logits, NextTokens& next) {
  find_candidates(logits);
  if (candidates_.empty() && !ended_.empty()) return;
  pst::require(!candidates_.empty(), "no token is left that does not repeat others: allow longer repeats");
  const auto beams = static_cast<std::size_t>(settings_.beams);
  const bool is_last = static_cast<index_t>(generated_) + 1 >= settings_.max_new_tokens;
  const std::size_t first = next.tokens.size();
  next_open_.resize(beams);  // whose ids keep their memory
  std::size_t opened = 0;
  for (std::size_t rank = 0; rank < candidates_.size() && opened < beams; ++rank) {
    const Candidate& each = candidates_[rank];
    if (is_last || is_end(settings_, each.token)) {
      if (rank < beams) keep(each);
      continue;
    }
    Beam& beam = next_open_[opened++];
    beam.ids = open_[static_cast<std::size_t>(each.beam)].ids;
    beam.ids.push_back(each.token);
    beam.score = each.score;
    next.from.push_back(each.beam);
    next.tokens.push_back(each.token);
  }
  next_open_.resize(opened);
  open_.swap(next_open_);
  ++generated_;
  if (!is_last && can_improve()) return;
  next.from.resize(first);
  next.tokens.resize(first);
}

void BeamSearch::keep(const Candidate& ended) {
  if (settings_.early_stopping == EarlyStopping::yes && is_full()) return;
  const double score = ended.score / std::pow(static_cast<double>(generated_ + 1), settings_.length_penalty);
  const auto place = std::ranges::upper_bound(ended_, score, std::greater{}, &Beam::score);
  Beam beam{open_[static_cast<std::size_t>(ended.beam)].ids, score};
  beam.ids.push_back(ended.token);
  ended_.insert(place, std::move(beam));
  if (ended_.size() > static_cast<std::size_t>(settings_.beams)) ended_.pop_back();
}

bool BeamSearch::is_full() const noexcept { return ended_.size() == static_cast<std::size_t>(settings_.beams); }

bool BeamSearch::can_improve() const {
  if (open_.empty()) return false;
  if (!is_full()) return true;
  if (settings_.early_stopping == EarlyStopping::yes) return false;
  const bool grows = settings_.early_stopping == EarlyStopping::never && settings_.length_penalty > 0;
  const double length = grows ? static_cast<double>(settings_.max_new_tokens) : static_cast<double>(generated_);
  return open_.front().score / std::pow(length, settings_.length_penalty) > ended_.back().score;
}

Continuation BeamSearch::result() const {
  pst::require(!ended_.empty(), "a beam search is asked for its result before its end");
  const Beam& best = ended_.front();
  return {{best.ids.begin() + static_cast<index_t>(prompt_), best.ids.end()}, best.score};
}

}  // namespace finetune

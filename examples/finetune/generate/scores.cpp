// SPDX-License-Identifier: Apache-2.0
#include "finetune/generate/scores.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace finetune {

namespace {

constexpr float never = -std::numeric_limits<float>::infinity();

[[noreturn]] void fail_on(float score, std::size_t token) {
  pst::fail("the model scores token ", token, " with ", score,
            ", expected a finite number: its weights are damaged, or its training diverged");
}

}  // namespace

void check(const GenerationSettings& s) {
  pst::require(s.max_new_tokens > 0, "max_new_tokens is ", s.max_new_tokens, ", expected at least 1");
  pst::require(s.no_repeat_ngram >= 0, "no_repeat_ngram is ", s.no_repeat_ngram, ", expected 0 or more");
  pst::require(s.beams > 0 && s.beams <= 1000, "there are ", s.beams, " beams, expected 1 to 1000");
  pst::require(std::isfinite(s.length_penalty), "length_penalty is ", s.length_penalty, ", expected a finite number");
  pst::require(!s.sample || s.beams == 1, "tokens are drawn with ", s.beams, " beams, expected 1: beams are not drawn");
  pst::require(s.temperature > 0 && std::isfinite(s.temperature), "temperature is ", s.temperature,
               ", expected a number above 0");
  pst::require(s.top_k >= 0, "top_k is ", s.top_k, ", expected 0 or more");
  pst::require(s.top_p > 0 && s.top_p <= 1, "top_p is ", s.top_p, ", expected a number above 0, up to 1");
}

void log_softmax(TokenScores scores) {
  float largest = never;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i])) fail_on(scores[i], i);
    largest = std::max(largest, scores[i]);
  }
  const auto row = Eigen::Map<Eigen::ArrayXf>(scores.data(), static_cast<index_t>(scores.size()));
  const double sum = (row - largest).exp().cast<double>().sum();
  Eigen::Map<Eigen::ArrayXf>(scores.data(), static_cast<index_t>(scores.size())) -=
      largest + static_cast<float>(std::log(sum));
}

void ban_repeats(std::span<const int> ids, index_t ngram, TokenScores scores) {
  const auto size = static_cast<std::size_t>(ngram);
  if (ngram == 0 || ids.size() < size) return;
  const auto last = ids.last(size - 1);
  for (std::size_t first = 0; first + size <= ids.size(); ++first)
    if (std::ranges::equal(ids.subspan(first, size - 1), last))
      scores[static_cast<std::size_t>(ids[first + size - 1])] = never;
}

int likeliest(std::span<const float> scores) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (std::isnan(scores[i])) fail_on(scores[i], i);
    if (scores[i] > scores[best]) best = i;
  }
  pst::require(scores[best] > never, "no token is left that does not repeat others: allow longer repeats");
  return static_cast<int>(best);
}

void drawable(std::span<const float> logits, const GenerationSettings& settings,
              std::vector<std::pair<double, int>>& tokens) {
  const double largest = static_cast<double>(logits[static_cast<std::size_t>(likeliest(logits))]);
  tokens.clear();
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (logits[i] > never)
      tokens.emplace_back(std::exp((static_cast<double>(logits[i]) - largest) / settings.temperature),
                          static_cast<int>(i));
  const auto before = [&](const auto& a, const auto& b) {
    const float x = logits[static_cast<std::size_t>(a.second)], y = logits[static_cast<std::size_t>(b.second)];
    return x > y || (x == y && a.second < b.second);
  };
  const auto k = static_cast<std::size_t>(settings.top_k);
  if (k > 0 && k < tokens.size()) {
    std::ranges::nth_element(tokens, tokens.begin() + static_cast<index_t>(k) - 1, before);
    const float least = logits[static_cast<std::size_t>(tokens[k - 1].second)];
    std::erase_if(tokens, [&](const auto& t) { return logits[static_cast<std::size_t>(t.second)] < least; });
  }
  std::ranges::sort(tokens, before);
  double sum = 0.0, above = 0.0;
  for (const auto& [weight, token] : tokens) sum += weight;
  std::size_t kept = 0;
  while (kept < tokens.size() && (kept == 0 || above < settings.top_p * sum)) above += tokens[kept++].first;
  tokens.resize(kept);
  for (auto& [weight, token] : tokens) weight /= above;
}

}  // namespace finetune

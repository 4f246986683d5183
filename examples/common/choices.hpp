// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/policies.hpp>

#include <cstdint>
#include <string>
#include <variant>

namespace common {

/// One of the library's score gradient policies, chosen on the command line instead of by the type of the layer.
struct ScoreChoice {
  using role = pst::roles::score_gradient;
  std::variant<pst::ScoreEveryStep, pst::ScoreEveryKthStep, pst::ScoreTokenSample, pst::ScoreRestAfter> policy{};

  [[nodiscard]] pst::ScoreLearning at(double progress, std::uint64_t step, std::uint64_t seed) const {
    return std::visit([&](const auto& chosen) { return chosen.at(progress, step, seed); }, policy);
  }
};
static_assert(pst::ScoreGradientPolicy<ScoreChoice>);

/// One of the library's refresh policies.
struct RefreshChoice {
  using role = pst::roles::refresh;
  std::variant<pst::RefreshEveryStep, pst::RefreshEveryKthStep, pst::RefreshUntil> policy{};

  [[nodiscard]] bool refreshes(double progress, std::uint64_t step) const {
    return std::visit([&](const auto& chosen) { return chosen.refreshes(progress, step); }, policy);
  }
};
static_assert(pst::RefreshPolicy<RefreshChoice>);

/// "every", "every-K", "sample-K" (one token in K) or "rest-P" (from progress P on); throws pst::Error for another
/// text.
[[nodiscard]] ScoreChoice score_choice(const std::string& text);
/// "every", "every-K" or "until-P"; throws pst::Error for another text.
[[nodiscard]] RefreshChoice refresh_choice(const std::string& text);

}  // namespace common

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "pst/concepts/rank.hpp"
#include "pst/rank/dynamic_rank.hpp"
#include "pst/rank/energy_rank.hpp"

namespace pst::PST_ABI {

/// A rank that is given, or that comes from the weight.
/// @ingroup rank
struct RankChoice {
  using role = roles::rank;
  std::variant<DynamicRank, EnergyRank> policy{};

  template <class B, class WeightView>
  [[nodiscard]] index_t choose(B& on, WeightView weight) const {
    return std::visit([&](const auto& chosen) { return chosen.choose(on, weight); }, policy);
  }
};
static_assert(RankPolicy<RankChoice>);

}  // namespace pst::PST_ABI

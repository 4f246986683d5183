// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <variant>

#include "pst/concepts/start.hpp"
#include "pst/start/kaiming_start.hpp"
#include "pst/start/normal_start.hpp"
#include "pst/start/per_weight_start.hpp"

namespace pst::PST_ABI {

/// One of the library's starts of factors, chosen at run time.
/// @ingroup start
struct StartChoice {
  using role = roles::start;
  std::variant<NormalStart, PerWeightStart, KaimingStart> policy{};

  template <class B, class View>
  void write(B& on, const UnstartedFactors<View>& factors) const {
    std::visit([&](const auto& chosen) { chosen.write(on, factors); }, policy);
  }
};
static_assert(FactorStart<StartChoice>);

}  // namespace pst::PST_ABI

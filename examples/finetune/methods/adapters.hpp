// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "finetune/model/model.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// What may stand in every block besides the linear layers.
struct AdapterInfo {
  std::string_view name;  ///< on the command line
  std::string_view description;
};
/// "none", "houlsby", "pfeiffer", "parallel" and "ia3".
[[nodiscard]] std::span<const AdapterInfo> adapters();

/// The adapter of a method, or the one that is chosen instead. Throws pst::Error when there is none of the name.
[[nodiscard]] std::string_view adapter_of(const MethodSettings& settings);

/// Its branches in a model of this width.
[[nodiscard]] std::vector<PlacedBranch> branches_of(const MethodSettings& settings, index_t width);

}  // namespace finetune

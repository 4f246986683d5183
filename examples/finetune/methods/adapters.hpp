// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "finetune/model/model.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// What may stand in every block besides the linear layers, or in front of every sequence.
struct AdapterInfo {
  std::string_view name;  ///< on the command line
  std::string_view description;
};
/// "none", "houlsby", "pfeiffer", "parallel", "compacter", "compacter++", "low-rank", "ia3", "prefix" and "prompt".
[[nodiscard]] std::span<const AdapterInfo> adapters();

/// The adapter of a method, or the one that is chosen instead. Throws pst::Error when there is none of the name.
[[nodiscard]] std::string_view adapter_of(const MethodSettings& settings);

/// Its branches in a model of this width; none where it is virtual tokens. Throws pst::Error on settings that it does
/// not use, and on parts that do not divide the widths.
[[nodiscard]] std::vector<PlacedBranch> branches_of(const MethodSettings& settings, index_t width);
/// Whether it is one of virtual tokens.
[[nodiscard]] bool has_virtual_tokens(const MethodSettings& settings);
/// Its virtual tokens in a model of this width; none where it is branches. Throws pst::Error on settings that there are
/// not, and on those of virtual tokens where there are none.
[[nodiscard]] std::optional<PlacedTokens> virtual_tokens_of(const MethodSettings& settings, index_t width);
/// After `attach`: puts either of them into a model.
void put_adapter(Model& model, const MethodSettings& settings, std::uint64_t seed);

}  // namespace finetune

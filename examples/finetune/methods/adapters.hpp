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

/// The adapters of a method, or those that are chosen instead, with commas between them; none of "none". Throws
/// pst::Error when there is none of a name, and on one that is there twice.
[[nodiscard]] std::vector<std::string_view> adapters_of(const MethodSettings& settings);

/// Their branches in a model of this width. Throws pst::Error on settings that none of them uses, on parts that do not
/// divide the widths, and on two in one place.
[[nodiscard]] std::vector<PlacedBranch> branches_of(const MethodSettings& settings, index_t width);
/// Whether one of them is virtual tokens.
[[nodiscard]] bool has_virtual_tokens(const MethodSettings& settings);
/// Their virtual tokens in a model of this width, where there are some. Throws pst::Error on settings that there are
/// not, on those of virtual tokens where there are none, and on a prefix and a prompt at once.
[[nodiscard]] std::optional<PlacedTokens> virtual_tokens_of(const MethodSettings& settings, index_t width);
/// After `attach`: puts all of them into a model.
void put_adapter(Model& model, const MethodSettings& settings, std::uint64_t seed);

}  // namespace finetune

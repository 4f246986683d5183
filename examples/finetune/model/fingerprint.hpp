// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "finetune/model/model.hpp"

namespace finetune {

/// The 16 hexadecimal digits that stand for a fingerprint in files.
[[nodiscard]] std::string fingerprint_text(std::uint64_t number);

/// A number for all weights of a model but the tensors `without`, which another model is not likely to have; take it
/// before anything trains.
[[nodiscard]] std::string fingerprint_of(Model& model, const std::set<std::string>& without = {});

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <string>
#include <string_view>

#include "finetune/model/layer.hpp"

namespace finetune {

/// What a task file has of a layer of pst::train_changes, from what the layer gave when it was saved: the numbers that
/// are added to the weight, "delta.values", and their row-major places, "delta.places" (both 1 x n, in order of
/// places). So many numbers take 8 bytes each, where the layer has one bit for every weight besides. Nothing where
/// nothing changes; other tensors stay.
[[nodiscard]] pst::TensorList listed_changes(const pst::TensorList& state, pst::Shape shape);
/// Whether a tensor of a task file is one of these.
[[nodiscard]] bool is_of_listed_changes(std::string_view name);
[[nodiscard]] bool has_listed_changes(const pst::TensorList& state);
/// Adds them to the weight of the base. Throws pst::Error, which begins with `owner`, on what is no list of changes.
void add_listed_changes(const pst::TensorList& state, const std::string& owner, Matrix& weight);
/// What a layer of pst::train_changes with them would save, for pst::restore_changes. Throws likewise.
[[nodiscard]] pst::TensorList state_of_changes(const pst::TensorList& state, const std::string& owner,
                                               pst::Shape shape);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "finetune/model/model.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// The share of weights that are exactly zero, in the linear layers inside the blocks of a model that has not trained
/// yet.
[[nodiscard]] double zeros_given(Model& model);

/// Of a folder that is sparse already, how sparse, and what will become of its zeros; empty for a dense one, with fewer
/// than one zero in a hundred weights.
[[nodiscard]] std::string sparse_folder_remark(double zeros, const MethodSettings& method);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <set>
#include <string>

#include "finetune/export/base_folder.hpp"

namespace finetune {

/// Adds head and pooler, as far as they have trained, which PEFT saves as whole modules, to the tensors of an adapter,
/// with `prefix` in front of their names. Returns what PEFT calls them. Throws pst::Error when another tensor has
/// trained, which `form` does not hold.
[[nodiscard]] std::set<std::string> add_saved_modules(Model& model, const SharedBase& base, const char* form,
                                                      const std::string& prefix, pst::TensorList& tensors);

}  // namespace finetune

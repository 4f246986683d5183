// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>

#include "finetune/model/model.hpp"

namespace finetune {

/// The model that PEFT (0.21) makes of a base and one of its adapters: LoRA, with rsLoRA's scale and patterns of ranks
/// and alphas, DoRA or (IA)3, all merged; prompt tuning, P-tuning or prefix tuning as virtual tokens; with the biases
/// and modules that the adapter saves.
///
/// The folder has adapter_config.json and adapter_model.safetensors. Dropout counts in training alone. Throws
/// pst::Error where the configuration asks for something else (trained biases of LoRA, other types), with its
/// name, and where tensors are missing, belong to no module of the base, or have another shape, with all of them; a
/// head that neither base nor adapter has is missing.
[[nodiscard]] std::unique_ptr<Model> apply_peft(const std::filesystem::path& adapter,
                                                const std::filesystem::path& base);

}  // namespace finetune

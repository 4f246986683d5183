// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "finetune/generate/search.hpp"
#include "finetune/model/model.hpp"

namespace finetune {

/// What a language model adds to each prompt, `at_once` prompts side by side; which are together changes speed alone.
///
/// `goes_on`, if there is one, is told after each token how many prompts are done; when it says no, the others get no
/// tokens at all. Throws pst::Error on a prompt that is empty or leaves the model no room for a token.
[[nodiscard]] std::vector<Continuation> generate(Model& model, std::span<const std::vector<int>> prompts,
                                                 const GenerationSettings& settings, std::size_t at_once = 8,
                                                 const std::function<bool(std::size_t done)>& goes_on = {});

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "finetune/run/settings.hpp"

namespace finetune {

/// The settings of a run where the command line has none: the rates of the method, which rise at first, as many epochs
/// as the data need, a dense phase in which the task is learnt, and a third of the run at the last sparsity.
void as_usual(Settings& settings, const std::function<bool(const char* option)>& given);

/// Settings as the authors' code and the first versions of this program have them: factors from N(0, 1), a rate that
/// does not warm up, updates that train to the last step, and the epochs and rates of then, where the command line has
/// none.
void as_published(Settings& settings, const std::function<bool(const char* option)>& given);

/// The values of the paper (Li et al., 2022) for a task and an architecture, where `given(option)` says that the
/// command line has none. For GLUE it names a range of learning rates, 3e-5 to 5e-4, of which this is the largest, and
/// 20 or 40 epochs; for generation no batch, so this is that of LoRA's code, whose recipe it takes over.
void apply_recipe(Settings& settings, bool is_roberta, const std::function<bool(const char* option)>& given);

}  // namespace finetune

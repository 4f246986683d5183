// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "finetune/train/training_data.hpp"

namespace finetune {

/// Gives every training sequence what the teacher of `settings` says of it, with nothing dropped out: the best state of
/// a run of the same task, or a Hugging Face folder with a head for it; of any size, and with a tokenizer of its own.
///
/// It is asked once: its answers are kept in `cache`, four bytes a class and sequence, and come from there where that
/// is of the same data. Throws pst::Error on a teacher of another task or without a head, and on a cache that is
/// damaged.
void add_teacher(TrainingData& data, const Settings& settings, const std::filesystem::path& cache);

}  // namespace finetune

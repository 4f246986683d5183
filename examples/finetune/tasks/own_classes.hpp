// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "task.hpp"

namespace finetune {

// Tasks of files that are nobody's but the user's: `sentences:LABEL,LABEL,...` has columns `sentence` (or `text`) and
// `label`, `pairs:LABEL,LABEL,...` has `sentence1`, `sentence2` and `label`, in train.tsv, dev.tsv and test.tsv (or
// .csv). Labels are those of the files, in any number from two; the score is accuracy.

/// Whether the name is one of these, with its labels or without.
[[nodiscard]] bool is_own_task(std::string_view name);

/// What the task of a name, with labels or without, has besides them.
[[nodiscard]] Task unlabelled_task(std::string_view name);

/// The task of a name with labels; the same object for the same name. Refuses a name without at least two labels, and
/// one that has a label twice or an empty one.
[[nodiscard]] const Task& own_task(std::string_view name);

/// `name:LABEL,LABEL,...`, or the name as it is where it has labels or is no own task.
[[nodiscard]] std::string with_own_labels(std::string_view name, const std::vector<std::string>& labels);

/// The name with labels: as it is where it has them or is no own task, else with the labels of the training file in
/// the folder `data`, sorted, numbers as numbers. Refuses more than `most_classes` labels, which are no classes, and
/// labels with commas.
[[nodiscard]] std::string with_own_labels(std::string_view name, const std::filesystem::path& data);

inline constexpr std::size_t most_classes = 1000;

}  // namespace finetune

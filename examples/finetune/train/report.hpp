// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "finetune/run/base_model.hpp"
#include "finetune/train/verdict.hpp"

namespace finetune {

/// Says what a run is: the model and how many numbers it has, how many train and what they are, the data.
void print_opening(std::ostream& out, const Settings& settings, BaseModel& base, const TrainingData& data);

/// What a run came to, as a Markdown table.
void print_table(std::ostream& out, const Settings& settings, const ParameterCounts& counts, const TrainResult& result);

/// The same as JSON text, for programs, with the verdict; `dense` is the score of a dense model.
[[nodiscard]] std::string result_text(const Settings& settings, const ParameterCounts& counts,
                                      const TrainResult& result, std::optional<double> dense = {});

/// 1234567 as "1 234 567".
[[nodiscard]] std::string grouped(std::int64_t number);

}  // namespace finetune

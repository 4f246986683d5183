// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "finetune/methods/choices.hpp"
#include "finetune/model/body.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// A way to fine-tune, by name.
struct MethodInfo {
  std::string_view name;         ///< on the command line
  std::string_view description;  ///< in --help
  std::string_view trains;       ///< what trains of a linear layer
  bool is_sparse = true;         ///< weights are pruned
  double rate = 1e-3;            ///< the learning rate, where none is given
  double score_rate = 1.0;       ///< times that: the scores'
  double head_rate = 1.0;        ///< likewise: that of pooler and head
};

/// Every method. To add one is to add an entry, and a file that makes its body.
[[nodiscard]] std::span<const MethodInfo> methods();
/// The method of this name; throws pst::Error when there is none.
[[nodiscard]] const MethodInfo& method_named(std::string_view name);

/// The schedule of a method; throws pst::Error when it is none or its numbers are out of range.
[[nodiscard]] ScheduleChoice schedule_choice(const MethodSettings& settings);

/// The penalty of soft movement where none is given; rises with the sparsity. It rests once that is reached.
[[nodiscard]] double penalty_for(double sparsity);

/// A body of the layers of `settings.name`. `seed` draws the factors. Throws pst::Error on settings that are out of
/// range, before any body is made.
[[nodiscard]] MakeBody make_method_body(const MethodSettings& settings, std::uint64_t seed);

/// How many threads the bodies that are made from now on use; 0: all cores. Results are the same for any number.
void use_threads(int threads);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace finetune {

/// The metric of language models: it rises as all metrics do.
inline constexpr const char* negative_loss = "-loss";

/// A metric as people read it.
struct ShownMetric {
  std::string name;
  double sign = 1;  ///< times a score
};

/// A negative loss is shown as the loss that it is.
[[nodiscard]] inline ShownMetric shown(const std::string& metric) {
  if (metric == negative_loss) return {"dev loss", -1};
  return {metric};
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "tables.hpp"

namespace compare {

std::string name_of(pst::Shape shape) { return std::to_string(shape.out) + " x " + std::to_string(shape.in); }

double work_of(pst::Shape shape, double tokens, double products, const Options& options) {
  return 2 * tokens * static_cast<double>(shape.size()) * products * (options.rounds + 1);
}

nlohmann::ordered_json to_json(const Timing& timing) {
  return {{"what", timing.what},
          {"variant", timing.variant},
          {"median_ms", timing.median()},
          {"lower_quartile_ms", quantile(timing.ms, 0.25)},
          {"upper_quartile_ms", quantile(timing.ms, 0.75)},
          {"rounds_ms", timing.ms}};
}

nlohmann::ordered_json to_json(const std::vector<Timing>& timings) {
  auto all = nlohmann::ordered_json::array();
  for (const Timing& timing : timings) all.push_back(to_json(timing));
  return all;
}

}  // namespace compare

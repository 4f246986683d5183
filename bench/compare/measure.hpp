// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "progress.hpp"

namespace compare {

/// Something to be timed.
struct Column {
  std::string what;
  std::string variant;  ///< the library, the threads or the density
  std::function<void()> work;
  std::function<void()> prepare = [] {};  ///< before each `work`, outside the clock
};

/// The times of one column, in milliseconds, one for each round.
struct Timing {
  std::string what;
  std::string variant;
  std::vector<double> ms{};

  [[nodiscard]] double median() const;
};

/// The value below which `fraction` of `values` lies; between two neighbours on a straight line.
[[nodiscard]] double quantile(std::vector<double> values, double fraction);

/// Times all columns once in each of `rounds` rounds, each round in an order of its own; before them comes a round that
/// is not counted. Whatever slows the machine for a while slows all columns.
[[nodiscard]] std::vector<Timing> in_rounds(const std::vector<Column>& columns, int rounds, Progress& progress);

/// The variant of `what` with the lowest median. There must be one.
[[nodiscard]] const Timing& fastest(const std::vector<Timing>& timings, std::string_view what);

/// The median over the rounds of time / base time.
[[nodiscard]] double ratio(const Timing& timing, const Timing& base);

}  // namespace compare

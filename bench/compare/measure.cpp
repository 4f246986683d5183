// SPDX-License-Identifier: Apache-2.0
#include "measure.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <random>

#include "quiet.hpp"

namespace compare {

namespace {

/// A clock's tick and a thread's waking are lost in this.
constexpr double least_ms = 20;

double once(const Column& column) {
  column.prepare();
  const auto begin = std::chrono::steady_clock::now();
  column.work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// The time of one call, given what it took before: short work is called often, and once for nothing, which wakes the
/// threads of its library.
double visit(const Column& column, double expected_ms) {
  await_quiet();
  if (expected_ms < 2 * least_ms) once(column);
  double sum = 0;
  int calls = 0;
  for (; sum < least_ms; ++calls) sum += once(column);
  return sum / calls;
}

}  // namespace

double quantile(std::vector<double> values, double fraction) {
  pst::require(!values.empty(), "there is no quantile of no values");
  std::ranges::sort(values);
  const double place = fraction * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

double Timing::median() const { return quantile(ms, 0.5); }

std::vector<Timing> in_rounds(const std::vector<Column>& columns, int rounds, Progress& progress) {
  std::vector<Timing> timings;
  for (const Column& column : columns) timings.push_back({column.what, column.variant});
  std::vector<double> expected_ms(columns.size(), 0);
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::mt19937 random{1};
  for (int round = 0; round <= rounds; ++round) {
    std::ranges::shuffle(order, random);
    for (std::size_t place = 0; place < order.size(); ++place) {
      const Column& column = columns[order[place]];
      const double visits = static_cast<double>(order.size()) * (rounds + 1);
      const double done = static_cast<double>(order.size()) * round + static_cast<double>(place);
      progress.show(done / visits, (round == 0 ? "warming up" : "round " + std::to_string(round)) + " of " +
                                       std::to_string(rounds) + ", " + column.what + ' ' + column.variant);
      if (round == 0)
        once(column), expected_ms[order[place]] = once(column);
      else
        timings[order[place]].ms.push_back(visit(column, expected_ms[order[place]]));
    }
  }
  return timings;
}

const Timing& fastest(const std::vector<Timing>& timings, std::string_view what) {
  const Timing* best = nullptr;
  for (const Timing& timing : timings)
    if (timing.what == what && (best == nullptr || timing.median() < best->median())) best = &timing;
  pst::require(best != nullptr, what, " was not measured");
  return *best;
}

double ratio(const Timing& timing, const Timing& base) {
  std::vector<double> ratios;
  for (std::size_t round = 0; round < timing.ms.size(); ++round) ratios.push_back(timing.ms[round] / base.ms[round]);
  return quantile(std::move(ratios), 0.5);
}

}  // namespace compare

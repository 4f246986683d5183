// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace compare {

/// Says on stderr what is measured, and how long it will still take: a line for each part, and one every few seconds.
///
/// Work is counted in operations of dense products, roughly.
class Progress {
 public:
  explicit Progress(double total_work) : total_{total_work} {}

  void begin(std::string part, double work);
  /// `fraction` of the part is done; `detail` comes next.
  void show(double fraction, const std::string& detail);
  void end() { done_ += work_, work_ = 0; }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::string time_left(double done) const;

  double total_;
  double done_ = 0;  // parts that are over
  double work_ = 0;  // of the part that is not
  std::string part_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_{};
};

}  // namespace compare

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace common {

/// Shows on stderr how far a piece of work is, its rate and the time left: a line that is drawn again on a terminal,
/// a plain line every ten seconds elsewhere.
class Progress {
 public:
  /// `done_before` steps were done already when the work began; `unit` is what is counted.
  Progress(std::string title, long total_steps, long done_before = 0, std::string unit = "steps");

  /// `done` steps are behind us; `detail` says what is going on.
  void show(long done, const std::string& detail);
  /// Prints a line that stays.
  void say(const std::string& line);
  /// Clears the line that is drawn again.
  void close();

 private:
  using Clock = std::chrono::steady_clock;

  std::string title_, unit_;
  long total_, before_;
  bool terminal_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point shown_ = start_;
};

}  // namespace common

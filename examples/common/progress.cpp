// SPDX-License-Identifier: Apache-2.0
#include "common/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace common {

Progress::Progress(std::string title, long total_steps, long done_before, std::string unit)
    : title_{std::move(title)},
      unit_{std::move(unit)},
      total_{std::max(1L, total_steps)},
      before_{done_before},
      terminal_{isatty(STDERR_FILENO) == 1} {}

void Progress::show(long done, const std::string& detail) {
  const auto now = Clock::now();
  const std::chrono::duration<double> pause = now - shown_, passed = now - start_;
  if (pause.count() < (terminal_ ? 0.1 : 10.0)) return;
  shown_ = now;
  const double rate = static_cast<double>(done - before_) / std::max(passed.count(), 1e-3);
  const long left = rate > 0 ? static_cast<long>(static_cast<double>(total_ - done) / rate + 0.5) : 0;
  char head[160];
  std::snprintf(head, sizeof head, "%s  %3ld %%  %.3g %s/s  %ld:%02ld left", title_.c_str(), 100 * done / total_, rate,
                unit_.c_str(), left / 60, left % 60);
  if (terminal_) {
    constexpr long width = 24;
    const auto full = static_cast<std::size_t>(width * done / total_);
    const std::string bar = std::string(full, '#') + std::string(static_cast<std::size_t>(width) - full, '.');
    std::fprintf(stderr, "\r\033[K[%s] %s  %s", bar.c_str(), head, detail.c_str());
  } else {
    std::fprintf(stderr, "%s  %s\n", head, detail.c_str());
  }
  std::fflush(stderr);
}

void Progress::say(const std::string& line) {
  close();
  std::fprintf(stderr, "%s\n", line.c_str());
}

void Progress::close() {
  if (terminal_) std::fputs("\r\033[K", stderr);
}

}  // namespace common

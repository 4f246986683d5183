// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <cstdio>
#include <utility>

namespace compare {

void Progress::begin(std::string part, double work) {
  part_ = std::move(part);
  work_ = work;
  shown_ = {};
}

void Progress::show(double fraction, const std::string& detail) {
  const auto now = Clock::now();
  if (now - shown_ < std::chrono::seconds{4}) return;
  shown_ = now;
  const std::string left = time_left(done_ + fraction * work_);
  std::fprintf(stderr, "%s: %s; %s\n", part_.c_str(), detail.c_str(), left.c_str());
}

std::string Progress::time_left(double done) const {
  const std::chrono::duration<double> passed = Clock::now() - start_;
  if (passed.count() < 1 || done <= 0) return "time left not known yet";
  const long seconds = static_cast<long>(passed.count() * (total_ - done) / done + 0.5);
  char text[32];
  std::snprintf(text, sizeof text, "%ld:%02ld left", seconds / 60, seconds % 60);
  return text;
}

}  // namespace compare

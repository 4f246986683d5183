// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace common {

/// Remembers how much memory the process has now, to tell later how much more it had at its peak.
class MemoryMark {
 public:
  MemoryMark() : start_mb_{resident_mb()} {}

  /// The largest resident memory of this process since it began, beyond what was resident at the mark.
  ///
  /// Truthful where the process was forked just before: what was allocated and freed earlier would hide growth.
  [[nodiscard]] double growth_mb() const { return peak_mb() - start_mb_; }

  /// The largest resident memory of this process since it began.
  [[nodiscard]] static double peak_mb() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
#if defined(__APPLE__)
    return static_cast<double>(usage.ru_maxrss) / (1 << 20);
#else
    return static_cast<double>(usage.ru_maxrss) / 1024;
#endif
  }

 private:
  static double resident_mb() {
    long pages = 0, resident = 0;
    if (std::ifstream file{"/proc/self/statm"}; file >> pages >> resident)
      return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
    return peak_mb();
  }

  double start_mb_;
};

}  // namespace common

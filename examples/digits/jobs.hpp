// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "run.hpp"

namespace digits {

/// Work for a process of its own; it leaves files behind.
struct Job {
  std::string name;
  int steps = 0;  ///< how many times `run` reports
  std::function<void(const Report&)> run;
};

/// Ctrl-C or SIGTERM came; what was finished is on disk.
struct Interrupted {
  int signal;
};

/// Runs every job in a child process, `at_once` at a time, and shows how far they are.
///
/// Throws pst::Error that names the jobs that failed, after the others have ended, and Interrupted.
void run_jobs(const std::string& title, const std::vector<Job>& jobs, int at_once);

}  // namespace digits

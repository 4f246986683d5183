// SPDX-License-Identifier: Apache-2.0
#include "quiet.hpp"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <thread>

namespace compare {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// The state of a thread is the letter behind its name, which is in parentheses and may hold any character.
bool runs(const fs::path& task) {
  std::ifstream file{task / "stat"};
  std::string line;
  std::getline(file, line);
  const auto name_end = line.rfind(')');
  return name_end != std::string::npos && name_end + 2 < line.size() && line[name_end + 2] == 'R';
}

/// The calling thread is the main one, whose number is that of the process.
bool another_thread_runs(const fs::path& tasks) {
  const std::string self = std::to_string(::getpid());
  std::error_code gone;  // a thread may end while we look
  for (const fs::directory_entry& task : fs::directory_iterator{tasks, gone})
    if (task.path().filename() != self && runs(task.path())) return true;
  return false;
}

}  // namespace

void await_quiet() {
  const fs::path tasks = "/proc/self/task";
  std::error_code unknown;
  if (!fs::exists(tasks, unknown)) return std::this_thread::sleep_for(200ms);
  const auto deadline = std::chrono::steady_clock::now() + 1s;
  while (another_thread_runs(tasks) && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(1ms);
}

}  // namespace compare

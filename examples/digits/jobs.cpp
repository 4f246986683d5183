// SPDX-License-Identifier: Apache-2.0
#include "jobs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>

#include "common/progress.hpp"

namespace digits {

namespace {

volatile std::sig_atomic_t stopped_by = 0;
extern "C" void ask_to_stop(int signal) { stopped_by = signal; }

/// What a child tells its parent after a step; smaller than PIPE_BUF, so it arrives in one piece.
struct Beat {
  int job = 0;
  CurvePoint at;
};

[[noreturn]] void be_child(const Job& job, int number, int pipe) {
  std::signal(SIGINT, SIG_IGN);  // the parent decides
  std::signal(SIGTERM, SIG_DFL);
  ::setenv("PST_NUM_THREADS", "1", 1);  // the jobs share the cores, their layers need not
  int code = 0;
  try {
    job.run([&](const CurvePoint& at) {
      const Beat beat{number, at};
      if (::write(pipe, &beat, sizeof beat) != static_cast<ssize_t>(sizeof beat)) _exit(1);
    });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s: %s\n", job.name.c_str(), error.what());
    code = 1;
  }
  std::fflush(nullptr);
  _exit(code);
}

/// The children that run now.
class Pool {
 public:
  explicit Pool(const std::vector<Job>& jobs) : jobs_{jobs}, at_(jobs.size()) {
    pst::require(::pipe(pipe_.data()) == 0, "cannot make a pipe: ", std::strerror(errno));
    ::fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (const auto& [pid, job] : running_) ::kill(pid, SIGTERM);
    for (const auto& [pid, job] : running_) ::waitpid(pid, nullptr, 0);
    for (const int end : pipe_) ::close(end);
  }

  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] const CurvePoint& at(std::size_t job) const { return at_[job]; }
  [[nodiscard]] std::size_t latest() const { return latest_; }
  [[nodiscard]] long steps_done() const {
    long sum = 0;
    for (const CurvePoint& point : at_) sum += point.step;
    return sum;
  }

  void start(std::size_t job) {
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    pst::require(pid >= 0, "cannot start a process for ", jobs_[job].name, ": ", std::strerror(errno));
    if (pid == 0) {
      ::close(pipe_[0]);
      be_child(jobs_[job], static_cast<int>(job), pipe_[1]);
    }
    running_[pid] = job;
  }
  /// Waits a moment for news.
  void listen() {
    pollfd wait{pipe_[0], POLLIN, 0};
    ::poll(&wait, 1, 100);
    for (Beat beat; ::read(pipe_[0], &beat, sizeof beat) == static_cast<ssize_t>(sizeof beat);) {
      latest_ = static_cast<std::size_t>(beat.job);
      at_[latest_] = beat.at;
    }
  }
  /// Calls `ended(job, ok)` for every child that is gone.
  template <class Ended>
  void reap(Ended&& ended) {
    int status = 0;
    for (auto child = running_.begin(); child != running_.end();) {
      if (::waitpid(child->first, &status, WNOHANG) != child->first) {
        ++child;
        continue;
      }
      const std::size_t job = child->second;
      child = running_.erase(child);
      listen();  // its last words
      ended(job, WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
  }

 private:
  const std::vector<Job>& jobs_;
  std::vector<CurvePoint> at_;
  std::size_t latest_ = 0;
  std::map<pid_t, std::size_t> running_;
  std::array<int, 2> pipe_{};
};

std::string text_of(const Job& job, const CurvePoint& at) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "%s: step %d of %d, loss %.3f", job.name.c_str(), at.step, job.steps,
                at.loss);
  std::string made = text.data();
  if (at.accuracy > 0) {
    std::snprintf(text.data(), text.size(), ", accuracy %.1f %%, sparsity %.1f %%", 100 * at.accuracy,
                  100 * at.sparsity);
    made += text.data();
  }
  return made;
}

}  // namespace

void run_jobs(const std::string& title, const std::vector<Job>& jobs, int at_once) {
  long steps = 0;
  for (const Job& job : jobs) steps += job.steps;
  stopped_by = 0;
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
  common::Progress progress{title, steps};
  std::string failed;
  {
    Pool pool{jobs};
    std::size_t next = 0, ended = 0;
    while (ended < jobs.size() && stopped_by == 0) {
      while (next < jobs.size() && pool.running() < static_cast<std::size_t>(std::max(1, at_once))) pool.start(next++);
      pool.listen();
      pool.reap([&](std::size_t job, bool ok) {
        ++ended;
        if (ok)
          progress.say("done  " + text_of(jobs[job], pool.at(job)));
        else
          failed += (failed.empty() ? "" : ", ") + jobs[job].name;
      });
      progress.show(pool.steps_done(), text_of(jobs[pool.latest()], pool.at(pool.latest())));
    }
    progress.close();
  }
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  if (stopped_by != 0) throw Interrupted{stopped_by};
  pst::require(failed.empty(), "these runs failed: ", failed, " (reasons above); the same command runs them again");
}

}  // namespace digits

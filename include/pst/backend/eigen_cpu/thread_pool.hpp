// SPDX-License-Identifier: Apache-2.0
#pragma once

// Threads that work for whoever calls, and sleep in between.
// Cost: some 5 us for a thread that must be woken.

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "pst/backend/eigen_cpu/parts.hpp"
#include "pst/core/config.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// The threads of the process that work for EigenCpu, one caller at a time.
class ThreadPool {
 public:
  /// It is never destroyed: its threads sleep until the process ends. A process made by fork has none of the threads,
  /// and perhaps a copy of a pool that was at work: it forgets that one, and makes a pool of its own when it needs one.
  [[nodiscard]] static ThreadPool& of_process() {
    ThreadPool* pool = current().load(std::memory_order_acquire);
    if (pool != nullptr) return *pool;
    ::pthread_atfork(nullptr, nullptr, [] { current().store(nullptr, std::memory_order_relaxed); });
    std::unique_ptr<ThreadPool> made{new ThreadPool};
    if (!current().compare_exchange_strong(pool, made.get(), std::memory_order_acq_rel)) return *pool;
    return *made.release();
  }

  /// Starts what is missing to work on `threads` threads, the caller's included. `prepare()` gives what each of them
  /// keeps, a function that it calls first. Where the system refuses a thread, there are fewer.
  template <class Prepare>
  void reserve(int threads, Prepare prepare) {
    for (;; std::this_thread::yield()) {
      const OnlyCaller caller{busy_};
      if (caller) return start_workers(threads, prepare);
    }
  }

  /// Calls `f(part, slot)` for every part, each in one of `threads` slots that no other call has at that time; slot 0
  /// is the caller's. False, and nothing was done, when another caller, or one of the parts themselves, is at work
  /// here. Throws what a part has thrown, after the others are done.
  [[nodiscard]] bool run(index_t count, int threads, PartFunction f) {
    const OnlyCaller caller{busy_};
    if (!caller) return false;
    work_.run(count, threads, f, [this](index_t helpers) {
      for (index_t i = 0; i < std::min(static_cast<index_t>(workers_.size()), helpers); ++i) {
        std::atomic<std::uint32_t>& called = workers_[static_cast<std::size_t>(i)]->called;
        called.fetch_add(1, std::memory_order_release);
        called.notify_one();
      }
    });
    return true;
  }

 private:
  struct Worker {
    alignas(64) std::atomic<std::uint32_t> called{0};  ///< changes when there is work
  };

  ThreadPool() = default;

  /// Not made at its first use: a lock of the compiler's that another thread holds while a process forks stays locked.
  [[nodiscard]] static std::atomic<ThreadPool*>& current() noexcept {
    static constinit std::atomic<ThreadPool*> pool{nullptr};
    return pool;
  }
  template <class Prepare>
  void start_workers(int threads, Prepare prepare) {
    while (static_cast<int>(workers_.size()) < threads - 1) {
      workers_.reserve(workers_.size() + 1);
      auto worker = std::make_unique<Worker>();
      const auto slot = static_cast<index_t>(workers_.size()) + 1;
      if (!started([this, me = worker.get(), slot, first = prepare()]() mutable {
            first();
            work_for_ever(*me, slot);
          }))
        return;
      workers_.push_back(std::move(worker));
    }
  }
  /// False where the system refuses a thread.
  template <class F>
  [[nodiscard]] static bool started(F&& f) {
#if defined(__cpp_exceptions)
    try {
      std::thread(std::forward<F>(f)).detach();
    } catch (const std::system_error&) {
      return false;
    }
#else
    std::thread(std::forward<F>(f)).detach();
#endif
    return true;
  }
  [[noreturn]] void work_for_ever(Worker& me, index_t slot) {
    for (std::uint32_t seen = 0;;) {
      await_change(me.called, seen);
      seen = me.called.load(std::memory_order_acquire);
      work_.take_parts(slot);
    }
  }

  SharedWork work_;
  std::atomic_flag busy_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu

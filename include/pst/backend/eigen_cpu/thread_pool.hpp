// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parts of one piece of work, shared out among the calling thread and threads that sleep in between.
// Cost: less than 1 us for each thread that still looks for work, some 5 us for one that must be woken.
// Bound by the thread that works, never by one that the system has not let run: the caller takes all parts that nobody
// has begun, and waits for those alone that somebody has.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "pst/core/config.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Tells the processor that a loop waits.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// The threads of the process that work for EigenCpu, one caller at a time.
class ThreadPool {
 public:
  /// It is never destroyed: its threads sleep until the process ends.
  [[nodiscard]] static ThreadPool& of_process() {
    static ThreadPool& pool = *new ThreadPool;
    return pool;
  }

  /// Starts what is missing to work on `threads` threads, the caller's included. `prepare()` gives what each of them
  /// keeps, a function that it calls first. Where the system refuses a thread, there are fewer.
  template <class Prepare>
  void reserve(int threads, Prepare prepare) {
    while (busy_.test_and_set(std::memory_order_acquire)) std::this_thread::yield();
    const Release release{busy_};
    try {
      while (static_cast<int>(workers_.size()) < threads - 1) {
        workers_.reserve(workers_.size() + 1);
        auto worker = std::make_unique<Worker>();
        std::thread([this, me = worker.get(), slot = static_cast<index_t>(workers_.size()) + 1,
                     first = prepare()]() mutable {
          first();
          work(*me, slot);
        }).detach();
        workers_.push_back(std::move(worker));
      }
    } catch (const std::system_error&) {  // no more of them
    }
  }

  /// Calls `f(part, slot)` for every part, each in one of `threads` slots that no other call has at that time; slot 0
  /// is the caller's. False, and nothing was done, when another caller, or one of the parts themselves, is at work
  /// here. Throws what a part has thrown, after the others are done.
  template <class F>
  [[nodiscard]] bool run(index_t count, int threads, F& f) {
    if (busy_.test_and_set(std::memory_order_acquire)) return false;
    const Release release{busy_};
    call_.store([](void* function, index_t part, index_t slot) { (*static_cast<F*>(function))(part, slot); },
                std::memory_order_relaxed);
    function_.store(const_cast<void*>(static_cast<const void*>(&f)), std::memory_order_relaxed);
    threads_.store(threads, std::memory_order_relaxed);
    for (index_t first = 0; first < count; first += most_parts) run_some(first, std::min(count - first, most_parts));
    if (failed_.load(std::memory_order_relaxed)) {
      failed_.store(false, std::memory_order_relaxed);
      std::rethrow_exception(std::exchange(failure_, nullptr));
    }
    return true;
  }

 private:
  static constexpr index_t most_parts = 1 << 20;
  static constexpr int patience = 1000;  ///< turns of waiting before a thread sleeps: some 20 to 50 us

  struct Worker {
    alignas(64) std::atomic<std::uint32_t> called{0};  ///< changes when there is work
  };
  struct Release {
    std::atomic_flag& flag;
    ~Release() { flag.clear(std::memory_order_release); }
  };
  using Call = void (*)(void*, index_t, index_t);

  ThreadPool() = default;

  void run_some(index_t first, index_t count) {
    first_.store(first, std::memory_order_relaxed);
    count_.store(count, std::memory_order_relaxed);
    unfinished_.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    left_.store((std::uint64_t{++round_} << 32) | static_cast<std::uint64_t>(count), std::memory_order_release);
    const auto helpers = std::min<index_t>(
        {static_cast<index_t>(workers_.size()), threads_.load(std::memory_order_relaxed) - 1, count - 1});
    for (index_t i = 0; i < helpers; ++i) {
      std::atomic<std::uint32_t>& called = workers_[static_cast<std::size_t>(i)]->called;
      called.fetch_add(1, std::memory_order_release);
      called.notify_one();
    }
    take_parts(0);
    await_others();
  }
  /// Waits for the parts that other threads have begun.
  void await_others() {
    int turn = 0;
    while (const std::uint32_t left = unfinished_.load(std::memory_order_acquire)) {
      if (turn++ < patience)
        relax();
      else
        unfinished_.wait(left, std::memory_order_acquire);
    }
  }
  /// Works on parts as long as there are any. What is read of the work belongs to the round in which a part is then
  /// taken: it does not change before all parts are done.
  void take_parts(index_t slot) {
    std::uint64_t left = left_.load(std::memory_order_acquire);
    while (static_cast<std::uint32_t>(left) != 0) {
      const Call call = call_.load(std::memory_order_relaxed);
      void* const function = function_.load(std::memory_order_relaxed);
      const index_t end = first_.load(std::memory_order_relaxed) + count_.load(std::memory_order_relaxed);
      if (slot >= threads_.load(std::memory_order_relaxed)) return;
      if (!left_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      try {
        call(function, end - static_cast<index_t>(static_cast<std::uint32_t>(left)), slot);
      } catch (...) {
        if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
      }
      if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1 && slot != 0) unfinished_.notify_one();
      left = left_.load(std::memory_order_acquire);
    }
  }
  [[noreturn]] void work(Worker& me, index_t slot) {
    for (std::uint32_t seen = 0;;) {
      for (int turn = 0; turn < patience && me.called.load(std::memory_order_acquire) == seen; ++turn) relax();
      me.called.wait(seen, std::memory_order_acquire);
      seen = me.called.load(std::memory_order_acquire);
      take_parts(slot);
    }
  }

  alignas(64) std::atomic<std::uint64_t> left_{0};  ///< the round, and how many of its parts nobody has begun
  alignas(64) std::atomic<std::uint32_t> unfinished_{0};
  alignas(64) std::atomic<Call> call_{nullptr};
  std::atomic<void*> function_{nullptr};
  std::atomic<index_t> first_{0}, count_{0};
  std::atomic<int> threads_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
  std::uint32_t round_ = 0;
  std::atomic_flag busy_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu

// SPDX-License-Identifier: Apache-2.0
#pragma once

// Parts of one work that several threads take, the first free one the next.
// Cost: less than 1 us for each thread that still looks for work.
// Bound by the threads that work, never by one that the system has not let run: the thread that has the work done takes
// all parts that nobody has begun, and waits for those alone that somebody has.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <utility>

#include "pst/core/config.hpp"
#include "pst/core/function_ref.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// Tells the processor that a loop waits.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` is not `seen`, awake at first: a thread that sleeps takes 5 us to come back.
inline void await_change(const std::atomic<std::uint32_t>& value, std::uint32_t seen) {
  constexpr int patience = 1000;  // some 20 to 50 us
  for (int turn = 0; turn < patience; ++turn) {
    if (value.load(std::memory_order_acquire) != seen) return;
    relax();
  }
  value.wait(seen, std::memory_order_acquire);
}

/// The first exception that several threads met, until one of them can throw it again.
#if defined(__cpp_exceptions)
class FirstFailure {
 public:
  template <class F>
  void watch(F&& f) noexcept {
    try {
      f();
    } catch (...) {
      if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
    }
  }
  /// Called when all others are done.
  void rethrow() {
    if (failed_.exchange(false, std::memory_order_relaxed)) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};
#else
struct FirstFailure {
  template <class F>
  void watch(F&& f) noexcept {
    f();
  }
  void rethrow() noexcept {}
};
#endif

/// Whether its owner is the only caller of something, for as long as it lives.
class OnlyCaller {
 public:
  explicit OnlyCaller(std::atomic_flag& busy) noexcept
      : busy_{busy.test_and_set(std::memory_order_acquire) ? nullptr : &busy} {}
  OnlyCaller(const OnlyCaller&) = delete;
  OnlyCaller& operator=(const OnlyCaller&) = delete;
  ~OnlyCaller() {
    if (busy_ != nullptr) busy_->clear(std::memory_order_release);
  }
  explicit operator bool() const noexcept { return busy_ != nullptr; }

 private:
  std::atomic_flag* busy_;
};

/// The parts of one work after the other.
class SharedWork {
 public:
  /// Calls `f(part, slot)` for every part: here, in slot 0, and on threads that call `take_parts` meanwhile, with slots
  /// below `threads`. `call(helpers)` is to bring up to so many of them. Throws what a part has thrown, after the
  /// others are done.
  void run(index_t count, int threads, PartFunction f, FunctionRef<void(index_t helpers)> call) {
    function_.store(&f, std::memory_order_relaxed);
    threads_.store(threads, std::memory_order_relaxed);
    for (index_t first = 0; first < count; first += most_parts) {
      offer(first, std::min(count - first, most_parts));
      call(std::min<index_t>(threads, count - first) - 1);
      take_parts(0);
      await_others();
    }
    failure_.rethrow();
  }
  /// Works on parts as long as there are any. What is read of the work belongs to the round in which a part is then
  /// taken: it does not change before all parts are done.
  void take_parts(index_t slot) {
    std::uint64_t left = left_.load(std::memory_order_acquire);
    while (static_cast<std::uint32_t>(left) != 0) {
      const PartFunction* const function = function_.load(std::memory_order_relaxed);
      const index_t end = first_.load(std::memory_order_relaxed) + count_.load(std::memory_order_relaxed);
      if (slot >= threads_.load(std::memory_order_relaxed)) return;
      if (!left_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      failure_.watch([&] { (*function)(end - static_cast<index_t>(static_cast<std::uint32_t>(left)), slot); });
      if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1 && slot != 0) unfinished_.notify_one();
      left = left_.load(std::memory_order_acquire);
    }
  }

 private:
  static constexpr index_t most_parts = 1 << 20;

  void offer(index_t first, index_t count) {
    first_.store(first, std::memory_order_relaxed);
    count_.store(count, std::memory_order_relaxed);
    unfinished_.store(static_cast<std::uint32_t>(count), std::memory_order_relaxed);
    left_.store((std::uint64_t{++round_} << 32) | static_cast<std::uint64_t>(count), std::memory_order_release);
  }
  /// Waits for the parts that other threads have begun.
  void await_others() {
    while (const std::uint32_t left = unfinished_.load(std::memory_order_acquire)) await_change(unfinished_, left);
  }

  alignas(64) std::atomic<std::uint64_t> left_{0};  ///< the round, and how many of its parts nobody has begun
  alignas(64) std::atomic<std::uint32_t> unfinished_{0};
  alignas(64) std::atomic<const PartFunction*> function_{nullptr};
  std::atomic<index_t> first_{0}, count_{0};
  std::atomic<int> threads_{0};
  std::uint32_t round_ = 0;
  FirstFailure failure_;
};

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu

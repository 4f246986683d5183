// SPDX-License-Identifier: Apache-2.0
#pragma once

// Work on threads that belong to the engine: by a loop of its own, or on threads that it has brought together.

#include <atomic>
#include <cstdint>
#include <vector>

#include "pst/backend/eigen_cpu/parts.hpp"
#include "pst/core/config.hpp"
#include "pst/core/error.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI::PST_ISA {

struct EigenCpu;

/// Some work in parts, as the loop of an engine is given it. It lives until the loop returns.
/// @ingroup backend
class Parts {
 public:
  [[nodiscard]] index_t count() const noexcept { return count_; }
  /// Does part `i` of 0 ... count() - 1, each once and in any order. Calls at the same time have different slots of
  /// 0 ... threads - 1. Throws nothing: what goes wrong in a part is thrown when the loop has returned.
  void operator()(index_t i, index_t slot) const noexcept {
    failure_.watch([&] {
      require(i >= 0 && i < count_ && slot >= 0 && slot < slots_, "EigenCpu: the engine's loop calls part ", i,
              " in slot ", slot, ", expected one of ", count_, " parts and ", slots_, " slots");
      function_(i, slot);
    });
    done_.fetch_add(1, std::memory_order_release);
  }
  /// Throws what a part has thrown, and when not every part was done.
  void finish() {
    failure_.rethrow();
    const index_t done = done_.load(std::memory_order_acquire);
    require(done == count_, "EigenCpu: the engine's loop returned after ", done, " calls, expected one for each of ",
            count_, " parts");
  }

 private:
  friend struct EigenCpu;
  Parts(index_t count, int slots, PartFunction f) : count_{count}, slots_{slots}, function_{f} {}

  index_t count_;
  int slots_;
  PartFunction function_;
  mutable eigen_cpu::FirstFailure failure_;
  mutable std::atomic<index_t> done_{0};
};

/// Threads that an engine has brought together, as ggml does for each of its operations: "this is thread i of n, and
/// all of us are here now".
///
///     pst::Team team{threads};
///     pst::EigenCpu on{threads, std::ref(team)};
///     void operation(int i) {  // on each of the threads at the same time
///       team.work(i, [&] { layer.forward(x, y); });
///     }
/// @ingroup backend
class Team {
 public:
  explicit Team(int threads) : visits_(static_cast<std::size_t>(threads < 1 ? 1 : threads)) {}

  /// Called on every thread, with its number i of 0 ... threads - 1. Thread 0 calls `f`, whose layers work on this
  /// Team; the others do parts of that work, and return when `f` has returned. What `f` throws is thrown on thread 0.
  template <class F>
  void work(int i, F&& f) {
    const auto threads = static_cast<int>(visits_.size());
    require(i >= 0 && i < threads, "Team: this is thread ", i, ", expected a number of 0 to ", threads - 1);
    if (i > 0) return help(i);
    const Ending ending{*this};
    f();
  }
  /// Shares out the parts: the loop of an EigenCpu. A second caller that comes meanwhile does its work alone.
  void operator()(const Parts& parts) {
    const eigen_cpu::OnlyCaller caller{busy_};
    if (!caller) {
      for (index_t i = 0; i < parts.count(); ++i) parts(i, 0);
      return;
    }
    shared_.run(parts.count(), static_cast<int>(visits_.size()), parts, [this](index_t) { call(); });
  }

 private:
  struct Ending {
    Team& team;
    ~Ending() {
      team.ended_.fetch_add(1, std::memory_order_release);
      team.call();
    }
  };
  /// How often a thread has come.
  struct Visits {
    alignas(64) std::uint32_t count = 0;
  };

  void call() noexcept {
    called_.fetch_add(1, std::memory_order_release);
    called_.notify_all();
  }
  /// A thread that comes late finds that `f` has returned as often as it has come, and goes.
  void help(index_t i) {
    const std::uint32_t visit = ++visits_[static_cast<std::size_t>(i)].count;
    for (;;) {
      const std::uint32_t called = called_.load(std::memory_order_acquire);
      if (static_cast<std::int32_t>(ended_.load(std::memory_order_acquire) - visit) >= 0) return;
      shared_.take_parts(i);
      eigen_cpu::await_change(called_, called);
    }
  }

  eigen_cpu::SharedWork shared_;
  std::atomic_flag busy_;
  std::atomic<std::uint32_t> called_{0};  ///< changes when there is work, and when there is none any more
  std::atomic<std::uint32_t> ended_{0};
  std::vector<Visits> visits_;
};

}  // namespace pst::PST_ABI::PST_ISA

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

namespace finetune {

/// The program was asked to stop.
struct Interrupted {};

/// While it lives, the first Ctrl-C (or SIGTERM) asks to stop, and the second one stops at once. A signal that the
/// program was started to ignore, as in the background of a shell or under nohup, is still ignored.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  [[nodiscard]] bool asked() const noexcept;

 private:
  struct sigaction before_interrupt_ = {}, before_terminate_ = {};
};

}  // namespace finetune

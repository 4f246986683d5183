// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace finetune {

/// The program was asked to stop.
struct Interrupted {};

/// While it lives, the first Ctrl-C (or SIGTERM) asks to stop, and the second one stops at once.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  [[nodiscard]] bool asked() const noexcept;
};

}  // namespace finetune

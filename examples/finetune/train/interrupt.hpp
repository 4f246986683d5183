// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <csignal>
#include <optional>

namespace finetune {

/// The program was asked to stop, by this signal.
struct Interrupted {
  int signal;

  /// What the program gives back, as a shell does for a program that a signal ended.
  [[nodiscard]] int exit_code() const noexcept { return 128 + signal; }
};

/// While it lives, the first Ctrl-C, SIGTERM or SIGHUP asks to stop, and a second Ctrl-C or SIGTERM stops at once; a
/// terminal that closes sends SIGHUP more than once. A signal that the program was started to ignore, as in the
/// background of a shell or under nohup, is still ignored.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  /// The signal that asked to stop, if there was one.
  [[nodiscard]] std::optional<Interrupted> asked() const noexcept;

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, signals.size()> before_ = {};
};

}  // namespace finetune

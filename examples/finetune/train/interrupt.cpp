// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/interrupt.hpp"

namespace finetune {

namespace {

volatile std::sig_atomic_t stopped_by = 0;

extern "C" void ask_to_stop(int signal) {
  if (stopped_by == 0) stopped_by = signal;
}

/// Gives what was done about the signal before.
struct sigaction listen_to(int signal) {
  struct sigaction before = {};
  ::sigaction(signal, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return before;
  struct sigaction own = {};
  own.sa_handler = ask_to_stop;
  own.sa_flags = static_cast<int>(signal == SIGHUP ? SA_RESTART : SA_RESETHAND | SA_RESTART);
  ::sigaction(signal, &own, nullptr);
  return before;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  stopped_by = 0;
  for (std::size_t i = 0; i < signals.size(); ++i) before_[i] = listen_to(signals[i]);
}

InterruptGuard::~InterruptGuard() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
}

std::optional<Interrupted> InterruptGuard::asked() const noexcept {
  if (stopped_by == 0) return std::nullopt;
  return Interrupted{stopped_by};
}

}  // namespace finetune

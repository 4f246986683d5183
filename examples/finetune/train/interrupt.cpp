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
  own.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(signal, &own, nullptr);
  return before;
}

}  // namespace

InterruptGuard::InterruptGuard() {
  stopped_by = 0;
  before_interrupt_ = listen_to(SIGINT);
  before_terminate_ = listen_to(SIGTERM);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &before_interrupt_, nullptr);
  ::sigaction(SIGTERM, &before_terminate_, nullptr);
}

std::optional<Interrupted> InterruptGuard::asked() const noexcept {
  if (stopped_by == 0) return std::nullopt;
  return Interrupted{stopped_by};
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/interrupt.hpp"

#include <csignal>
#include <initializer_list>

#include <doctest/doctest.h>

using namespace finetune;

namespace {

volatile std::sig_atomic_t caught = 0;

extern "C" void count_signal(int) { caught = caught + 1; }

/// What is done about a signal in a test; afterwards all is as it was.
class Handler {
 public:
  Handler(int signal, void (*handler)(int)) : signal_{signal} {
    struct sigaction own = {};
    own.sa_handler = handler;
    ::sigaction(signal, &own, &before_);
  }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  ~Handler() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ = {};
};

void (*handler_of(int signal))(int) {
  struct sigaction now = {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

}  // namespace

TEST_CASE("a signal asks to stop, and is handled as before when nobody listens any more") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const Handler handler{signal, count_signal};
    caught = 0;
    for (const bool is_raised : {true, false}) {
      const InterruptGuard guard;
      CHECK(!guard.asked());
      if (is_raised) std::raise(signal);
      CHECK(guard.asked().has_value() == is_raised);
      if (is_raised) CHECK(guard.asked()->exit_code() == 128 + signal);
      if (is_raised && signal == SIGHUP) std::raise(signal);  // a terminal that closes sends more than one
      CHECK((handler_of(signal) == SIG_DFL) == (is_raised && signal != SIGHUP));  // the next one stops at once
    }
    CHECK(caught == 0);
    CHECK((handler_of(signal) == count_signal));
    std::raise(signal);
    CHECK(caught == 1);
  }
}

TEST_CASE("a signal that the program was started to ignore stays ignored") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const Handler handler{signal, SIG_IGN};
    {
      const InterruptGuard guard;
      std::raise(signal);
      CHECK(!guard.asked());
    }
    CHECK((handler_of(signal) == SIG_IGN));
  }
}

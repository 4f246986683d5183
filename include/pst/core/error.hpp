// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// What pst throws: one sentence that names the thing, what was expected and what was found.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What is called with the sentence of an Error where pst is compiled without exceptions. It does not return.
using FailureHandler = void (*)(const char* sentence);

namespace detail {
[[nodiscard]] inline std::atomic<FailureHandler>& failure_handler() noexcept {
  static constinit std::atomic<FailureHandler> handler{nullptr};
  return handler;
}
}  // namespace detail

/// Sets what is called in place of throwing where pst is compiled without exceptions (-fno-exceptions), and returns
/// what was set before. With none, which null stands for, the sentence is written to stderr. Where the handler returns,
/// and where there is none, the program is aborted. With exceptions, pst throws Error and calls no handler.
inline FailureHandler set_failure_handler(FailureHandler handler) noexcept {
  return detail::failure_handler().exchange(handler);
}

/// Throws an Error whose text is `parts` written one behind the other.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  text.precision(9);
  (text << ... << parts);
#if defined(__cpp_exceptions)
  throw Error{text.str()};
#else
  const std::string sentence = text.str();
  const FailureHandler handler = detail::failure_handler().load();
  if (handler != nullptr)
    handler(sentence.c_str());
  else
    std::fprintf(stderr, "pst: %s\n", sentence.c_str());
  std::abort();
#endif
}

/// Fails with `parts` unless `ok`.
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

}  // namespace pst::PST_ABI

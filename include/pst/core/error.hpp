// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// Throws an Error whose text is `parts` written one behind the other.
template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  std::ostringstream text;
  text.precision(9);
  (text << ... << parts);
  throw Error{text.str()};
}

/// Fails with `parts` unless `ok`.
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

template <class Signature>
class FunctionRef;

/// A function by reference, as std::function_ref of C++26: nothing is allocated, and the function outlives the call.
///
/// What takes one is compiled once, and not again for each function that it is given.
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>) FunctionRef(F&& function)
  noexcept
      : object_{const_cast<void*>(static_cast<const void*>(&function))}, call_{&call<std::remove_reference_t<F>>} {}

  Result operator()(Arguments... arguments) const { return call_(object_, static_cast<Arguments&&>(arguments)...); }

 private:
  template <class F>
  static Result call(void* object, Arguments... arguments) {
    return (*static_cast<F*>(object))(static_cast<Arguments&&>(arguments)...);
  }

  void* object_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace pst::PST_ABI

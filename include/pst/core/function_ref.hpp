// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

template <class Signature>
class FunctionRef;

/// A function object by reference, much as std::function_ref of C++26: nothing is allocated.
///
/// The object lives longer than the reference and its copies: a parameter of this type may be given a lambda as it is
/// written, a variable may not. A function has no object: put a lambda around its name. What takes a FunctionRef is
/// compiled once, and not again for each function that it is given.
template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class F>
  requires(std::is_object_v<std::remove_reference_t<F>> && !std::is_same_v<std::remove_cvref_t<F>, FunctionRef> &&
           requires(F & function, Arguments... arguments) { function(static_cast<Arguments&&>(arguments)...); })
      FunctionRef(F&& function)
  noexcept
      : object_{const_cast<void*>(static_cast<const void*>(__builtin_addressof(function)))},  // std's is a call at -O0
        call_{&call<std::remove_reference_t<F>>} {}

  Result operator()(Arguments... arguments) const { return call_(object_, static_cast<Arguments&&>(arguments)...); }

 private:
  template <class F>
  static Result call(void* object, Arguments... arguments) {
    if constexpr (std::is_void_v<Result>)
      (*static_cast<F*>(object))(static_cast<Arguments&&>(arguments)...);
    else
      return (*static_cast<F*>(object))(static_cast<Arguments&&>(arguments)...);
  }

  void* object_;
  Result (*call_)(void*, Arguments...);
};

}  // namespace pst::PST_ABI

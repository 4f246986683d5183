// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/config.hpp"

/// Functions of one element that several policies hand to the verb `map`.
namespace pst::functors {

struct Identity {
  template <class T>
  PST_HD T operator()(T value) const {
    return value;
  }
};

struct Add {
  template <class T>
  PST_HD T operator()(T a, T b) const {
    return a + b;
  }
};

struct Multiply {
  template <class T>
  PST_HD T operator()(T a, T b) const {
    return a * b;
  }
};

/// +0 where pruned.
struct KeepOrZero {
  template <class T>
  PST_HD T operator()(T value, bool kept) const {
    return kept ? value : T{0};
  }
};

}  // namespace pst::functors

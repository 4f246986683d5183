// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/core/config.hpp"
#include "pst/core/view.hpp"

/// Functions of an element or a position, for the verbs `map`, `generate` and `fill_mask`. Such functions are public
/// types with a name: a device compiler launches no others.
namespace pst::PST_ABI::functors {

struct Identity {
  template <class T>
  PST_HD T operator()(T value) const {
    return value;
  }
};

/// As another type of number.
template <class To>
struct ConvertTo {
  template <class T>
  PST_HD To operator()(T value) const {
    return static_cast<To>(value);
  }
};

struct Add {
  template <class T>
  PST_HD T operator()(T a, T b) const {
    return a + b;
  }
};

struct Scale {
  double by;
  template <class T>
  PST_HD T operator()(T value) const {
    return static_cast<T>(by) * value;
  }
};

struct Absolute {
  template <class T>
  PST_HD T operator()(T value) const {
    return value < 0 ? -value : value;
  }
};

struct Multiply {
  template <class T>
  PST_HD T operator()(T a, T b) const {
    return a * b;
  }
};

/// Everywhere.
struct True {
  PST_HD bool operator()(index_t, index_t) const { return true; }
};

/// +0 where pruned.
struct KeepOrZero {
  template <class T>
  PST_HD T operator()(T value, bool kept) const {
    return kept ? value : T{0};
  }
};

/// The first row, in every row; zeros where there is no row.
template <class T, class Space>
struct RepeatRow {
  MatrixView<const T, Space> row;
  PST_HD T operator()(index_t, index_t c) const { return row.data == nullptr ? T{0} : row(0, c); }
};

template <class T, class Space>
[[nodiscard]] RepeatRow<T, Space> repeat_row(MatrixView<const T, Space> row) {
  return {row};
}

}  // namespace pst::PST_ABI::functors

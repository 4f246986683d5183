// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "pst/core/checked_size.hpp"
#include "pst/core/error.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI {

/// A view of `T` in the memory that backend `B` works on.
template <class B, class T>
using ViewOn = MatrixView<T, typename B::space>;

/// A mask in the memory that backend `B` works on.
template <class B>
using MaskOn = MaskView<mask_word, typename B::space>;
template <class B>
using ConstMaskOn = MaskView<const mask_word, typename B::space>;

/// A matrix that owns its memory on backend `B`; zeros at first. Throws Error when no memory could hold it.
template <class B, class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(index_t rows, index_t cols) : memory_(elements(rows, cols)), rows_{rows}, cols_{cols} {}

  [[nodiscard]] ViewOn<B, T> view() { return {memory_.data(), rows_, cols_}; }
  [[nodiscard]] ViewOn<B, const T> view() const { return {memory_.data(), rows_, cols_}; }
  [[nodiscard]] std::size_t bytes() const noexcept { return static_cast<std::size_t>(rows_ * cols_) * sizeof(T); }

 private:
  [[nodiscard]] static std::size_t elements(index_t rows, index_t cols) {
    const index_t bytes[] = {rows, cols, sizeof(T)};
    require(element_count(bytes).has_value(), "a matrix of ", rows, " x ", cols, " numbers of ", sizeof(T),
            " bytes is larger than any memory");
    return static_cast<std::size_t>(rows * cols);
  }

  typename B::template buffer<T> memory_;
  index_t rows_ = 0;
  index_t cols_ = 0;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "pst/core/matrix.hpp"

namespace pst {

/// The kept weights alone, row by row (CSR), as kernels read them.
template <class Scalar, class Space>
struct CompressedView {
  index_t rows = 0;
  index_t cols = 0;
  const index_t* row_start = nullptr;  ///< rows + 1 offsets into `column` and `value`
  std::uint32_t* column = nullptr;     ///< ascending within a row
  Scalar* value = nullptr;
};

/// The kept weights alone, owned. Memory follows their number: an eighth more than needed, never twice as much.
template <class B, class Scalar>
class CompressedWeight {
 public:
  CompressedWeight() = default;
  explicit CompressedWeight(Shape shape) : shape_{shape}, row_start_(static_cast<std::size_t>(shape.out + 1)) {}

  /// Makes room for `count` weights; what was stored is lost.
  void reserve(index_t count) {
    if (count <= capacity_ && capacity_ <= 2 * count) return;
    capacity_ = 0;
    column_ = {};  // give the old memory back first
    value_ = {};
    const index_t room = count + count / 8;
    column_ = Columns(static_cast<std::size_t>(room));
    value_ = Values(static_cast<std::size_t>(room));
    capacity_ = room;
  }
  [[nodiscard]] index_t* row_start() { return row_start_.data(); }
  [[nodiscard]] CompressedView<Scalar, typename B::space> view() {
    return {shape_.out, shape_.in, row_start_.data(), column_.data(), value_.data()};
  }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return static_cast<std::size_t>(capacity_) * (sizeof(Scalar) + sizeof(std::uint32_t)) +
           static_cast<std::size_t>(shape_.out + 1) * sizeof(index_t);
  }

 private:
  using Columns = typename B::template buffer<std::uint32_t>;
  using Values = typename B::template buffer<Scalar>;
  Shape shape_;
  typename B::template buffer<index_t> row_start_;
  Columns column_;
  Values value_;
  index_t capacity_ = 0;
};

}  // namespace pst

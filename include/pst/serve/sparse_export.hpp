// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pst/core/config.hpp"

/// @defgroup serve Serving
/// What a layer gives away: sparse weights without anything of training.
namespace pst::PST_ABI {

/// Compressed sparse rows: the non-zeros of a rows x cols matrix.
/// @ingroup serve
template <class Scalar>
struct CsrMatrix {
  index_t rows = 0;
  index_t cols = 0;
  std::vector<std::int64_t> row_start;  ///< rows + 1 offsets
  std::vector<std::uint32_t> column;    ///< ascending within a row
  std::vector<Scalar> value;

  [[nodiscard]] std::size_t bytes() const noexcept {
    return row_start.size() * sizeof(std::int64_t) + column.size() * sizeof(std::uint32_t) +
           value.size() * sizeof(Scalar);
  }
};

/// A bit mask and the non-zeros in row-major order, as in the format `sparse-bitmask` of compressed-tensors.
///
/// Bit i of byte k of a row is column 8 k + i; each row has ceil(cols / 8) bytes, unused bits are 0.
/// @ingroup serve
template <class Scalar>
struct BitmaskMatrix {
  index_t rows = 0;
  index_t cols = 0;
  std::vector<Scalar> value;
  std::vector<std::uint8_t> bitmask;
  std::vector<std::int64_t> row_offsets;  ///< rows offsets into `value`, no final total

  [[nodiscard]] std::size_t bytes() const noexcept {
    return value.size() * sizeof(Scalar) + bitmask.size() + row_offsets.size() * sizeof(std::int64_t);
  }
};

/// Compresses a dense row-major matrix; -0 counts as zero.
/// @ingroup serve
template <class Scalar>
[[nodiscard]] CsrMatrix<Scalar> to_csr(index_t rows, index_t cols, std::span<const Scalar> dense) {
  CsrMatrix<Scalar> out{rows, cols, {0}, {}, {}};
  for (index_t r = 0, at = 0; r < rows; ++r) {
    for (index_t c = 0; c < cols; ++c, ++at)
      if (const Scalar value = dense[static_cast<std::size_t>(at)]; value != 0) {
        out.column.push_back(static_cast<std::uint32_t>(c));
        out.value.push_back(value);
      }
    out.row_start.push_back(static_cast<std::int64_t>(out.value.size()));
  }
  return out;
}

/// Compresses a dense row-major matrix; -0 counts as zero.
/// @ingroup serve
template <class Scalar>
[[nodiscard]] BitmaskMatrix<Scalar> to_bitmask(index_t rows, index_t cols, std::span<const Scalar> dense) {
  const index_t row_bytes = (cols + 7) / 8;
  BitmaskMatrix<Scalar> out{rows, cols, {}, std::vector<std::uint8_t>(static_cast<std::size_t>(rows * row_bytes)), {}};
  for (index_t r = 0, at = 0; r < rows; ++r) {
    out.row_offsets.push_back(static_cast<std::int64_t>(out.value.size()));
    for (index_t c = 0; c < cols; ++c, ++at)
      if (const Scalar value = dense[static_cast<std::size_t>(at)]; value != 0) {
        std::uint8_t& byte = out.bitmask[static_cast<std::size_t>(r * row_bytes + c / 8)];
        byte = static_cast<std::uint8_t>(byte | (1U << (c % 8)));
        out.value.push_back(value);
      }
  }
  return out;
}

}  // namespace pst::PST_ABI

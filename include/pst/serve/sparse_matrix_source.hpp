// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "pst/core/compressed.hpp"
#include "pst/core/error.hpp"
#include "pst/core/order_key.hpp"
#include "pst/serve/sparse_export.hpp"

/// What a SparseMatrix is made from: `shape_of` refuses what is no matrix, and `for_each_number` calls
/// `visit(row, column, number)` for its numbers in row-major order. Sources may come from a file: nothing is believed.
namespace pst::PST_ABI::detail {

/// The shape, if there can be a weight of it.
[[nodiscard]] inline Shape checked_shape(const std::string& owner, index_t rows, index_t cols) {
  constexpr index_t most = index_t{1} << 32;
  require(rows > 0 && cols > 0, owner, ": a weight has at least one row and one column, found ", rows, " x ", cols);
  require(rows < most && cols < most && rows < (most << 8) / cols, owner, ": a weight of ", rows, " x ", cols,
          " is too large, expected less than 2^32 rows and columns and 2^40 weights");
  return {.in = cols, .out = rows};
}

template <class T>
[[nodiscard]] Shape shape_of(const std::string& owner, MatrixView<T> dense) {
  const Shape shape = checked_shape(owner, dense.rows, dense.cols);
  require(dense.rows == 1 || dense.row_stride >= dense.cols, owner, ": the weight has row stride ", dense.row_stride,
          ", expected at least its ", dense.cols, " columns");
  require(dense.data != nullptr, owner, ": the weight is a null pointer");
  return shape;
}
template <class T, class Visit>
void for_each_number(MatrixView<T> dense, Visit&& visit) {
  for (index_t r = 0; r < dense.rows; ++r)
    for (index_t c = 0; c < dense.cols; ++c) visit(r, c, static_cast<double>(dense(r, c)));
}

template <class T>
[[nodiscard]] Shape shape_of(const std::string& owner, const CsrMatrix<T>& csr) {
  const Shape shape = checked_shape(owner, csr.rows, csr.cols);
  const auto size = static_cast<std::int64_t>(csr.value.size());
  require(csr.row_start.size() == static_cast<std::size_t>(csr.rows) + 1, owner, ": row_start has ",
          csr.row_start.size(), " offsets, expected one more than the ", csr.rows, " rows");
  require(csr.column.size() == csr.value.size(), owner, ": there are ", csr.column.size(),
          " columns, expected as many as ", size, " values");
  require(csr.row_start.front() == 0, owner, ": row_start begins with ", csr.row_start.front(), ", expected 0");
  for (std::size_t r = 0; r < static_cast<std::size_t>(csr.rows); ++r) {
    const std::int64_t begin = csr.row_start[r], end = csr.row_start[r + 1];
    require(begin <= end && end <= size, owner, ": row ", r, " ends at offset ", end, ", expected ", begin, " to ",
            size);
    for (auto k = static_cast<std::size_t>(begin); k < static_cast<std::size_t>(end); ++k) {
      require(csr.column[k] < static_cast<std::uint64_t>(csr.cols), owner, ": row ", r, " has a number in column ",
              csr.column[k], ", expected less than ", csr.cols);
      if (k == static_cast<std::size_t>(begin)) continue;
      require(csr.column[k - 1] < csr.column[k], owner, ": row ", r, " has column ", csr.column[k], " behind ",
              csr.column[k - 1], ", expected ascending columns");
    }
  }
  require(csr.row_start.back() == size, owner, ": row_start ends with ", csr.row_start.back(), ", expected the ", size,
          " values");
  return shape;
}
template <class T, class Visit>
void for_each_number(const CsrMatrix<T>& csr, Visit&& visit) {
  for (index_t r = 0; r < csr.rows; ++r)
    for (auto k = static_cast<std::size_t>(csr.row_start[static_cast<std::size_t>(r)]);
         k < static_cast<std::size_t>(csr.row_start[static_cast<std::size_t>(r) + 1]); ++k)
      visit(r, static_cast<index_t>(csr.column[k]), static_cast<double>(csr.value[k]));
}

template <class T>
[[nodiscard]] Shape shape_of(const std::string& owner, const BitmaskMatrix<T>& packed) {
  const Shape shape = checked_shape(owner, packed.rows, packed.cols);
  const auto rows = static_cast<std::size_t>(packed.rows), cols = static_cast<std::size_t>(packed.cols);
  const std::size_t row_bytes = (cols + 7) / 8;
  require(packed.bitmask.size() == rows * row_bytes, owner, ": the bit mask has ", packed.bitmask.size(),
          " bytes, expected ", row_bytes, " for each of ", rows, " rows");
  require(packed.row_offsets.size() == rows, owner, ": row_offsets has ", packed.row_offsets.size(),
          " offsets, expected one for each of ", rows, " rows");
  std::int64_t at = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    require(packed.row_offsets[r] == at, owner, ": row ", r, " begins at offset ", packed.row_offsets[r],
            ", expected the ", at, " bits before it");
    for (std::size_t b = 0; b < row_bytes; ++b) at += std::popcount(packed.bitmask[r * row_bytes + b]);
    require(cols % 8 == 0 || packed.bitmask[(r + 1) * row_bytes - 1] >> (cols % 8) == 0, owner, ": row ", r,
            " has a bit behind its ", cols, " columns, expected 0");
  }
  require(packed.value.size() == static_cast<std::size_t>(at), owner, ": there are ", packed.value.size(),
          " values, expected one for each of ", at, " bits");
  return shape;
}
template <class T, class Visit>
void for_each_number(const BitmaskMatrix<T>& packed, Visit&& visit) {
  const index_t row_bytes = (packed.cols + 7) / 8;
  std::size_t at = 0;
  for (index_t r = 0; r < packed.rows; ++r)
    for (index_t b = 0; b < row_bytes; ++b)
      for (unsigned left = packed.bitmask[static_cast<std::size_t>(r * row_bytes + b)]; left != 0; left &= left - 1)
        visit(r, 8 * b + std::countr_zero(left), static_cast<double>(packed.value[at++]));
}

/// The numbers that are not zero in host memory, as a CompressedView reads them.
template <class Value>
struct StoredWeight {
  using View = CompressedView<const Value, HostSpace, std::uint16_t>;
  Shape shape;
  std::vector<std::uint32_t> start{};
  std::vector<std::uint16_t> column{};
  std::vector<Value> value{};

  [[nodiscard]] View view() const { return {shape.out, shape.in, start.data(), column.data(), value.data()}; }
};

/// Throws Error, naming the place, when a number is NaN, Inf, or too large to be stored as `Value`.
template <class Value, class Source>
[[nodiscard]] StoredWeight<Value> store(const std::string& owner, const Source& source) {
  using View = typename StoredWeight<Value>::View;
  StoredWeight<Value> out{shape_of(owner, source)};
  const auto segment = [rows = out.shape.out](index_t r, index_t c) {
    return static_cast<std::size_t>((c / View::panel_cols * rows + r) * View::segments +
                                    c % View::panel_cols / View::segment_cols);
  };
  out.start.resize(static_cast<std::size_t>(View::panels_for(out.shape.in) * out.shape.out * View::segments) + 1);
  for_each_number(source, [&](index_t r, index_t c, double number) {
    const auto stored = static_cast<Value>(number);
    require(is_finite(number), owner, ": the weight is ", number, " at row ", r, ", column ", c,
            ", expected finite numbers");
    require(is_finite(static_cast<double>(stored)), owner, ": the weight is ", number, " at row ", r, ", column ", c,
            ", too large for ", 8 * sizeof(Value), " bits");
    if (stored != 0) ++out.start[segment(r, c) + 1];
  });
  std::uint64_t kept = 0;
  for (std::uint32_t& end : out.start) {
    kept += end;
    require(kept <= 0xFFFFFFFF, owner, ": more than 2^32 - 1 weights are not zero");
    end = static_cast<std::uint32_t>(kept);
  }
  out.column.resize(static_cast<std::size_t>(kept));
  out.value.resize(static_cast<std::size_t>(kept));
  std::size_t to = 0, last = 0;
  for_each_number(source, [&](index_t r, index_t c, double number) {
    const auto stored = static_cast<Value>(number);
    if (stored == 0) return;
    if (const std::size_t here = segment(r, c); to == 0 || here != last) {
      last = here;
      to = out.start[here];
    }
    out.column[to] = static_cast<std::uint16_t>(c % View::panel_cols);
    out.value[to++] = stored;
  });
  return out;
}

}  // namespace pst::PST_ABI::detail

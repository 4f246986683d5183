// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/checked_size.hpp"
#include "pst/core/error.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"

/// What layers and serving matrices refuse, in a sentence.
namespace pst::PST_ABI::detail {

/// A shape that a layer can have; throws when a side is not positive, or when sizes that follow from it could wrap.
[[nodiscard]] inline Shape positive(Shape shape) {
  constexpr index_t most = index_t{1} << 56;
  require(shape.in > 0 && shape.out > 0, "a layer has at least one input and one output, found in = ", shape.in,
          ", out = ", shape.out);
  require(shape.out <= most / shape.in, "a layer of in = ", shape.in, ", out = ", shape.out,
          " has more weights than any memory, expected at most 2^56");
  return shape;
}

/// The options of a layer; throws when the schedule begins or ends outside of [0, 1), which a run would only find out
/// in its middle, and when its own `check()`, if it has one, finds numbers that mean nothing.
template <class Options>
[[nodiscard]] Options with_checked_schedule(Options options) {
  const auto check = [&options](const char* verb, double progress) {
    const double sparsity = options.schedule.sparsity_at(progress, 1.0);
    require(sparsity >= 0 && sparsity < 1, "layer", options.name.empty() ? "" : " ", options.name, ": the schedule ",
            verb, " with sparsity ", sparsity, ", expected a number in [0, 1)");
  };
  check("ends", 1);
  check("begins", 0);
  if constexpr (requires { options.schedule.check(); }) options.schedule.check();
  return options;
}

/// Throws unless `view` is rows x cols and can be read as such.
template <class T, class Space>
void check_matrix(const std::string& owner, const char* name, MatrixView<T, Space> view, index_t rows, index_t cols) {
  require(view.cols == cols, owner, ": ", name, " has ", view.cols, " columns, the layer expects ", cols);
  require(rows >= 0, owner, ": ", name, " has ", rows, " rows, expected 0 or more");
  require(view.rows == rows, owner, ": ", name, " has ", view.rows, " rows, expected ", rows);
  require(view.rows <= 1 || view.row_stride >= view.cols, owner, ": ", name, " has row stride ", view.row_stride,
          ", expected at least its ", view.cols, " columns");
  const index_t bytes[] = {view.rows, view.row_stride, sizeof(T)};
  require(view.rows <= 1 || element_count(bytes), owner, ": ", name, " has ", view.rows, " rows with row stride ",
          view.row_stride, ", more than any memory");
  require(view.data != nullptr || view.empty(), owner, ": ", name, " is a null pointer");
}

/// Throws when the words of a mask, `per_row` for each row, have bits beyond column `cols`.
inline void refuse_bits_beyond(const std::string& owner, std::string_view name, const std::vector<mask_word>& words,
                               index_t per_row, index_t cols) {
  const index_t used = cols - (per_row - 1) * MaskView<mask_word>::bits;
  const mask_word unused = used == MaskView<mask_word>::bits ? 0 : ~mask_word{0} << used;
  const auto stride = static_cast<std::size_t>(per_row);
  for (std::size_t last = stride - 1; last < words.size(); last += stride)
    require((words[last] & unused) == 0, owner, ": ", name, " has bits set beyond column ", cols);
}

/// The bytes of a view: `rows` times `width` bytes, `stride` bytes apart.
struct ByteRows {
  std::intptr_t begin, rows, width, stride;

  template <class T, class Space>
  explicit ByteRows(MatrixView<T, Space> view) noexcept
      : begin{reinterpret_cast<std::intptr_t>(view.data)},
        rows{view.empty() ? 0 : view.rows},
        width{view.cols * std::intptr_t{sizeof(T)}},
        stride{view.row_stride * std::intptr_t{sizeof(T)}} {}

  [[nodiscard]] std::intptr_t end() const noexcept { return begin + (rows - 1) * stride + width; }
  /// Whether one of the bytes from `first` to `last`, which is not among them, belongs to a row.
  [[nodiscard]] bool touches(std::intptr_t first, std::intptr_t last) const noexcept {
    if (rows == 0 || last <= begin || first >= end()) return false;
    if (rows == 1) return true;
    // Row r covers some of them if r * stride + width > first - begin and r * stride < last - begin.
    const std::intptr_t lowest = first - begin < width ? 0 : (first - begin - width) / stride + 1;
    return lowest * stride < last - begin;
  }
};

/// Whether two views share memory: exact, so that column slices of one matrix, as of a fused projection, do not.
template <class T, class U, class Space>
[[nodiscard]] bool overlap(MatrixView<T, Space> a, MatrixView<U, Space> b) noexcept {
  const ByteRows left{a}, right{b};
  if (left.rows == 0 || right.rows == 0 || left.begin >= right.end() || right.begin >= left.end()) return false;
  for (std::intptr_t r = 0; r < left.rows; ++r) {
    const std::intptr_t first = left.begin + r * left.stride;
    if (right.touches(first, first + left.width)) return true;
  }
  return false;
}

/// Throws when `output`, which a call writes, shares memory with `other`, which it reads or another owns.
template <class T, class U, class Space>
void refuse_overlap(const std::string& owner, const char* output_name, MatrixView<T, Space> output,
                    const char* other_name, MatrixView<U, Space> other) {
  require(!overlap(output, other), owner, ": ", output_name, " lies over ", other_name,
          ", expected memory of its own: it is written while ", other_name, " is still read");
}

/// Throws unless `progress` is one of a run.
inline void check_progress(const std::string& owner, double progress) {
  require(progress >= 0 && progress <= 1, owner, ": progress is ", progress, ", expected 0 to 1");
}

/// Throws unless `step` of `steps` is a point of a run.
inline void check_step(const std::string& owner, double step, double steps) {
  require(steps > 0, owner, ": there are ", steps, " steps, expected more than 0");
  require(step >= 0 && step <= steps, owner, ": step is ", step, ", expected 0 to ", steps);
}

/// Whether a matrix holds neither NaN nor Inf; parts of its rows are looked at by several threads.
template <class B, class T>
[[nodiscard]] bool all_finite(B& on, MatrixView<const T, typename B::space> view) {
  constexpr index_t rows_per_part = 64;
  std::atomic<bool> finite{true};
  on.for_each_part((view.rows + rows_per_part - 1) / rows_per_part, [&](index_t part, index_t) {
    const index_t first = part * rows_per_part;
    if (!on.all_finite(view.middle_rows(first, std::min(rows_per_part, view.rows - first))))
      finite.store(false, std::memory_order_relaxed);
  });
  return finite;
}

/// Throws when a number of `view` is NaN or Inf, naming the first; `view` begins at row `first_row` of what `name`
/// names.
template <class B, class T>
void refuse_non_finite(B& on, const std::string& owner, std::string_view name,
                       MatrixView<const T, typename B::space> view, index_t first_row = 0) {
  if (all_finite(on, view)) return;
  std::vector<T> row(static_cast<std::size_t>(view.cols));
  for (index_t r = 0; r < view.rows; ++r) {
    on.copy_out(view.middle_rows(r, 1), MatrixView<T>{row.data(), 1, view.cols});
    for (index_t c = 0; c < view.cols; ++c)
      require(is_finite(row[static_cast<std::size_t>(c)]), owner, ": ", name, " is ", row[static_cast<std::size_t>(c)],
              " at row ", first_row + r, ", column ", c, ", expected finite numbers");
  }
}

}  // namespace pst::PST_ABI::detail

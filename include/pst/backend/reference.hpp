// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "pst/concepts/backend.hpp"
#include "pst/core/host_buffer.hpp"

namespace pst {

/// The definition of every verb: plain loops on the CPU, one thread, one block of rows, sums in double.
///
/// Other backends are compared with this one. Every product and every sum is added to `out`; `fill` it first.
/// @ingroup backend
struct Reference {
  using role = roles::backend;
  using space = HostSpace;
  template <class T>
  using buffer = HostBuffer<T>;
  /// Memory that forward and backward need besides what the layer holds: the sums of one token.
  template <class Scalar>
  struct workspace {
    workspace(Reference&, const LayerLayout& layout) : sums(static_cast<std::size_t>(layout.shape.in)) {}
    [[nodiscard]] std::size_t bytes() const noexcept { return sums.size() * sizeof(double); }
    std::vector<double> sums;
  };

  /// An input whose element type follows that of the output, constant or not.
  template <class T>
  using Const = MatrixView<const std::type_identity_t<T>>;
  template <class T>
  using KeyOf = OrderKey<std::remove_const_t<T>>;

  /// How many blocks can be worked on at the same time; each has a slot of scratch memory.
  [[nodiscard]] index_t slots() const noexcept { return 1; }
  /// How the rows of a weight are cut.
  [[nodiscard]] RowPlan plan(Shape shape, index_t row_multiple) const noexcept {
    return RowPlan::cut(shape.out, 1, shape.out, row_multiple);
  }
  /// Calls `f(part, slot)` for `count` parts, in any order, possibly at the same time.
  template <class F>
  void for_each_part(index_t count, F&& f) {
    for (index_t part = 0; part < count; ++part) f(part, index_t{0});
  }

  /// out(r, c) = value
  template <class T>
  void fill(MatrixView<T> out, std::type_identity_t<T> value) {
    for (index_t r = 0; r < out.rows; ++r) std::fill_n(out.row(r), out.cols, value);
  }
  /// out(r, c) = f(r, c)
  template <class T, class F>
  void generate(MatrixView<T> out, F f) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) out(r, c) = static_cast<T>(f(r, c));
  }
  /// out(r, c) = f(in(r, c)...); an input may be `out` itself, or a mask.
  template <class T, class F, class... In>
  void map(MatrixView<T> out, F f, In... in) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) out(r, c) = static_cast<T>(f(in(r, c)...));
  }
  /// Copies from host memory.
  template <class T>
  void copy_in(Const<T> host, MatrixView<T> out) {
    for (index_t r = 0; r < out.rows; ++r) std::copy_n(host.row(r), out.cols, out.row(r));
  }
  /// Copies to host memory.
  template <class T>
  void copy_out(Const<T> in, MatrixView<T> host) {
    copy_in(in, host);
  }

  /// out += alpha A B
  template <class T>
  void gemm(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) {
        double sum = 0;
        for (index_t k = 0; k < a.cols; ++k) sum += double{a(r, k)} * double{b(k, c)};
        out(r, c) = static_cast<T>(double{out(r, c)} + alpha * sum);
      }
  }
  /// out += alpha A B^T
  template <class T>
  void gemm_nt(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) {
        double sum = 0;
        for (index_t k = 0; k < a.cols; ++k) sum += double{a(r, k)} * double{b(c, k)};
        out(r, c) = static_cast<T>(double{out(r, c)} + alpha * sum);
      }
  }
  /// out += alpha A^T B
  template <class T>
  void gemm_tn(double alpha, Const<T> a, Const<T> b, MatrixView<T> out) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) {
        double sum = 0;
        for (index_t k = 0; k < a.rows; ++k) sum += double{a(k, r)} * double{b(k, c)};
        out(r, c) = static_cast<T>(double{out(r, c)} + alpha * sum);
      }
  }
  /// out(r, 0) += alpha sum over c of in(r, c)
  template <class T>
  void row_sums(double alpha, Const<T> in, MatrixView<T> out) {
    for (index_t r = 0; r < in.rows; ++r) {
      double sum = 0;
      for (index_t c = 0; c < in.cols; ++c) sum += double{in(r, c)};
      out(r, 0) = static_cast<T>(double{out(r, 0)} + alpha * sum);
    }
  }
  /// out(0, c) += alpha sum over r of in(r, c)
  template <class T>
  void column_sums(double alpha, Const<T> in, MatrixView<T> out) {
    for (index_t c = 0; c < in.cols; ++c) {
      double sum = 0;
      for (index_t r = 0; r < in.rows; ++r) sum += double{in(r, c)};
      out(0, c) = static_cast<T>(double{out(0, c)} + alpha * sum);
    }
  }
  /// out(r, c) += alpha (column(r, 0) + row(0, c))
  template <class T>
  void add_outer_sum(double alpha, Const<T> column, Const<T> row, MatrixView<T> out) {
    const T scale = static_cast<T>(alpha);
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) out(r, c) += scale * (column(r, 0) + row(0, c));
  }
  /// out += each slice of `slices` (as many rows as `out`), from the first to the last.
  template <class T>
  void add_slices(Const<T> slices, MatrixView<T> out) {
    for (index_t r = 0; r < slices.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) out(r % out.rows, c) += slices(r, c);
  }
  /// Whether no element is NaN or infinite.
  template <class T>
  [[nodiscard]] bool all_finite(MatrixView<T> in) {
    for (index_t r = 0; r < in.rows; ++r) {
      int bad = 0;
      for (index_t c = 0; c < in.cols; ++c) bad |= is_finite(in(r, c)) ? 0 : 1;
      if (bad != 0) return false;
    }
    return true;
  }
  /// The sum of the squares.
  template <class T>
  [[nodiscard]] double squared_norm(MatrixView<T> in) {
    double sum = 0;
    for (index_t r = 0; r < in.rows; ++r)
      for (index_t c = 0; c < in.cols; ++c) sum += double{in(r, c)} * double{in(r, c)};
    return sum;
  }

  /// counts(0, bin) += how many keys of scores fall into each bin of the digit, among those it counts.
  template <class T>
  void histogram(MatrixView<T> scores, RadixDigit<KeyOf<T>> digit, MatrixView<std::int64_t> counts) {
    for (index_t r = 0; r < scores.rows; ++r)
      for (index_t c = 0; c < scores.cols; ++c) {
        const auto key = order_key(scores(r, c));
        if (digit.counts(key)) ++counts(0, digit.bin(key));
      }
  }
  /// Keeps the keys above the threshold, and of those equal to it all but the first `ties` in row-major order.
  /// Returns how many equal ones it pruned.
  template <class T>
  index_t prune_lowest(MatrixView<T> scores, KeyOf<T> threshold, index_t ties, MaskView<mask_word> mask) {
    index_t pruned = 0;
    write_mask(mask, [&](index_t r, index_t c) {
      const auto key = order_key(scores(r, c));
      if (key != threshold) return key > threshold;
      return pruned == ties || (++pruned, false);
    });
    return pruned;
  }
  /// Prunes the `count` lowest of each row; of equal scores, the lower column first.
  template <class T>
  void prune_lowest_per_row(MatrixView<T> scores, index_t count, MaskView<mask_word> mask) {
    using Select = RadixSelect<KeyOf<T>>;
    for (index_t r = 0; r < scores.rows; ++r) {
      const MatrixView<T> row = scores.middle_rows(r, 1);
      Select select;
      select.begin(count);
      while (select.searching()) {
        std::array<std::int64_t, Select::Digit::bins> counts{};
        histogram(row, select.digit(), MatrixView<std::int64_t>{counts.data(), 1, Select::Digit::bins});
        select.choose(counts);
      }
      if (select.none())
        fill_mask(mask.middle_rows(r, 1), [](index_t, index_t) { return true; });
      else
        prune_lowest(row, select.threshold(), select.ties(), mask.middle_rows(r, 1));
    }
  }
  /// mask(r, c) = f(r, c)
  template <class F>
  void fill_mask(MaskView<mask_word> mask, F f) {
    write_mask(mask, f);
  }
  /// mask = next; counts the weights that were kept before and are not now, and the other way round.
  MaskChange replace_mask(MaskView<const mask_word> next, MaskView<mask_word> mask) {
    MaskChange change;
    for (index_t w = 0; w < mask.rows * mask.words_per_row; ++w) {
      change.dropped += std::popcount(mask.words[w] & ~next.words[w]);
      change.regrown += std::popcount(next.words[w] & ~mask.words[w]);
      mask.words[w] = next.words[w];
    }
    return change;
  }
  /// row_start[r] = kept weights before row r, for r = 0 ... rows; returns their number.
  index_t count_rows(MaskView<const mask_word> mask, index_t* row_start) {
    row_start[0] = 0;
    for (index_t r = 0; r < mask.rows; ++r) {
      index_t kept = 0;
      for (index_t w = 0; w < mask.words_per_row; ++w) kept += std::popcount(mask.row(r)[w]);
      row_start[r + 1] = row_start[r] + kept;
    }
    return row_start[mask.rows];
  }
  /// Writes the kept weights of a block of rows, at the offsets that `count_rows` found.
  template <class T>
  void compress(Const<T> weight, MaskView<const mask_word> mask, RowBlock rows, CompressedView<T, HostSpace> out) {
    for (index_t r = 0; r < rows.count; ++r) {
      index_t at = out.row_start[rows.first + r];
      for (index_t w = 0; w < mask.words_per_row; ++w)
        for (mask_word left = mask.row(r)[w]; left != 0; left &= left - 1) {
          const index_t c = w * mask.bits + std::countr_zero(left);
          out.column[at] = static_cast<std::uint32_t>(c);
          out.value[at++] = weight(r, c);
        }
    }
  }
  /// y = x W'^T + bias; the bias is 1 x out, or empty.
  template <class T>
  void compressed_forward(CompressedView<T, HostSpace> weight, Const<T> x, Const<T> bias,
                          MatrixView<std::type_identity_t<T>> y, workspace<T>&) {
    for (index_t t = 0; t < x.rows; ++t)
      for (index_t o = 0; o < weight.rows; ++o) {
        double sum = bias.empty() ? 0.0 : double{bias(0, o)};
        for (index_t p = weight.row_start[o]; p < weight.row_start[o + 1]; ++p)
          sum += double{weight.value[p]} * double{x(t, weight.column[p])};
        y(t, o) = static_cast<T>(sum);
      }
  }
  /// grad_x = grad_y W'
  template <class T>
  void compressed_backward(CompressedView<T, HostSpace> weight, Const<T> grad_y,
                           MatrixView<std::type_identity_t<T>> grad_x, workspace<T>& memory) {
    std::vector<double>& sums = memory.sums;
    for (index_t t = 0; t < grad_y.rows; ++t) {
      std::ranges::fill(sums, 0.0);
      for (index_t o = 0; o < weight.rows; ++o)
        for (index_t p = weight.row_start[o]; p < weight.row_start[o + 1]; ++p)
          sums[weight.column[p]] += double{weight.value[p]} * double{grad_y(t, o)};
      for (index_t c = 0; c < weight.cols; ++c) grad_x(t, c) = static_cast<T>(sums[static_cast<std::size_t>(c)]);
    }
  }

 protected:
  /// Puts `keep(r, c)` into the bits of a mask, row by row, and zeros into the unused bits.
  template <class F>
  static void write_mask(MaskView<mask_word> mask, F&& keep) {
    for (index_t r = 0; r < mask.rows; ++r)
      for (index_t w = 0; w < mask.words_per_row; ++w) {
        const index_t first = w * mask.bits, last = std::min(mask.cols, first + mask.bits);
        mask_word word = 0;
        for (index_t c = first; c < last; ++c) word |= static_cast<mask_word>(keep(r, c) ? 1 : 0) << (c - first);
        mask.row(r)[w] = word;
      }
  }
};
static_assert(BackendFor<Reference, float> && BackendFor<Reference, double>);

}  // namespace pst

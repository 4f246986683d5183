// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

#include "pst/concepts/backend.hpp"
#include "pst/core/host_buffer.hpp"
#include "pst/core/tile_scratch.hpp"

namespace pst::PST_ABI {

/// The definition of every verb: plain loops on the CPU, one thread, one block of rows, sums in double.
///
/// Other backends are compared with this one. Every product and every sum is added to `out`; `fill` it first.
/// @ingroup backend
struct Reference {
  using role = roles::backend;
  using space = HostSpace;
  template <class T>
  using buffer = HostBuffer<T>;
  /// Scratch memory of one layer.
  template <class Scalar>
  using workspace = TileScratch<Reference, Scalar>;

  /// An input whose element type follows that of the output, constant or not.
  template <class T>
  using Const = MatrixView<const std::type_identity_t<T>>;
  template <class T>
  using KeyOf = OrderKey<std::remove_const_t<T>>;

  /// Called by a layer in front of its work; what it gives lives until the end of that. Throws Error where copies of
  /// the backend share memory with which another thread is at work.
  [[nodiscard]] NothingShared use() const noexcept { return {}; }
  /// How many blocks can be worked on at the same time; each has a slot of scratch memory.
  [[nodiscard]] index_t slots() const noexcept { return 1; }
  /// How the rows of a weight are cut.
  [[nodiscard]] WorkPlan plan(Shape shape, index_t row_multiple) const noexcept {
    return WorkPlan::whole(shape, row_multiple);
  }
  /// Calls `f(part, slot)` for `count` parts, in any order, possibly at the same time.
  void for_each_part(index_t count, PartFunction f) {
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
  /// out(0, c) += alpha sum over r of in(r, c)^2
  template <class T>
  void column_squares(double alpha, Const<T> in, MatrixView<T> out) {
    for (index_t c = 0; c < in.cols; ++c) {
      double sum = 0;
      for (index_t r = 0; r < in.rows; ++r) sum += double{in(r, c)} * double{in(r, c)};
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
  /// out(r, c) = the sum of all terms (core/terms.hpp) at (r, c), in order. The first may be `out` itself.
  template <class T, class... Terms>
  void sum_terms(MatrixView<T> out, const Terms&... terms) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) {
        T sum{0};
        ((sum = static_cast<T>(double{sum} + double{terms(r, c)})), ...);
        out(r, c) = sum;
      }
  }
  /// out += each slice of `slices` (as many rows as `out`), from the first to the last.
  template <class T>
  void add_slices(Const<T> slices, MatrixView<T> out) {
    for (index_t r = 0; r < slices.rows; ++r)
      for (index_t c = 0; c < out.cols; ++c) out(r % out.rows, c) += slices(r, c);
  }
  /// Each row of `out` times the Walsh-Hadamard matrix, H(i, j) = -1 where i and j have an odd number of bits in
  /// common, or else 1; not scaled. The number of columns is a power of two.
  template <class T>
  void hadamard(MatrixView<T> out) {
    for (index_t r = 0; r < out.rows; ++r)
      for (index_t h = 1; h < out.cols; h *= 2)
        for (index_t c = 0; c < out.cols; ++c)
          if ((c & h) == 0) {
            const T a = out(r, c), b = out(r, c + h);
            out(r, c) = a + b, out(r, c + h) = a - b;
          }
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
  /// counts(0, 0) += how many keys of scores are below the range, counts(0, 1) += how many are in it. The scores of
  /// these are written to `found` (1 x room), from column counts(0, 1) on and in any order, as long as there is room.
  template <class T>
  void collect(MatrixView<T> scores, KeyRange<KeyOf<T>> range, MatrixView<std::remove_const_t<T>> found,
               MatrixView<std::int64_t> counts) {
    for (index_t r = 0; r < scores.rows; ++r)
      for (index_t c = 0; c < scores.cols; ++c) {
        const auto key = order_key(scores(r, c));
        if (key < range.first) ++counts(0, 0);
        if (!range.holds(key)) continue;
        const index_t at = counts(0, 1)++;
        if (at < found.cols) found(0, at) = scores(r, c);
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
    for (index_t r = 0; r < scores.rows; ++r) {
      const MatrixView<T> row = scores.middle_rows(r, 1);
      const auto select = lowest_of(row, count);
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
  /// Writes `out.start` for a mask and returns how many weights it keeps.
  template <class T>
  index_t count_kept(MaskView<const mask_word> mask, CompressedView<T, HostSpace> out) {
    constexpr index_t words = out.panel_cols / mask.bits;
    index_t kept = 0, at = 0;
    out.start[at++] = 0;
    for (index_t panel = 0; panel < out.panels(); ++panel)
      for (index_t r = 0; r < mask.rows; ++r) {
        const index_t end = std::min((panel + 1) * words, mask.words_per_row);
        for (index_t w = panel * words; w < end; ++w) kept += std::popcount(mask.row(r)[w]);
        out.start[at++] = static_cast<std::uint32_t>(kept);
      }
    return kept;
  }
  /// Writes the kept weights of a tile, at the offsets that `count_kept` found. The tile begins and ends at panels, its
  /// rows are written in order.
  template <class T>
  void compress(Const<T> weight, MaskView<const mask_word> mask, Tile tile, CompressedView<T, HostSpace> out) {
    for (index_t r = 0; r < tile.rows; ++r)
      for (index_t first = 0; first < tile.cols; first += out.panel_cols) {
        std::uint32_t at = *out.row_start((tile.col + first) / out.panel_cols, tile.row + r);
        const index_t end = std::min(first + out.panel_cols, tile.cols);
        for (index_t c = first; c < end; ++c)
          if (mask(r, c)) {
            out.column[at] = static_cast<std::uint8_t>(c - first);
            out.value[at++] = weight(r, c);
          }
      }
  }
  /// out = weight^T, both compressed, with room for as many weights.
  template <class T>
  void transpose_compressed(CompressedView<T, HostSpace> weight, CompressedView<T, HostSpace> out) {
    std::uint32_t first = out.start[0] = 0;
    for (index_t to = 0; to < out.panels(); ++to)
      for (index_t from = 0; from < weight.panels(); ++from) {
        const index_t count = out.cols_of(to), cols = weight.cols_of(from);
        const std::uint32_t* const rows = weight.row_start(from, to * out.panel_cols);
        std::uint32_t* const start = out.row_start(to, from * weight.panel_cols) + 1;  // each moves to its end
        std::fill_n(start, cols, 0U);
        for (std::uint32_t k = rows[0]; k < rows[count]; ++k) ++start[weight.column[k]];
        for (index_t c = 0; c < cols; ++c) first += std::exchange(start[c], first);
        for (index_t r = 0; r < count; ++r)
          for (std::uint32_t k = rows[r]; k < rows[r + 1]; ++k) {
            const std::uint32_t at = start[weight.column[k]]++;
            out.column[at] = static_cast<std::uint8_t>(r);
            out.value[at] = weight.value[k];
          }
      }
  }
  /// y = x W'^T + bias; the bias is 1 x out, or empty. As a layer calls it, with scratch memory.
  template <class T>
  void compressed_product(CompressedView<T, HostSpace> weight, Const<T> x, Const<T> bias,
                          MatrixView<std::type_identity_t<T>> y, workspace<T>&) {
    compressed_product(weight, x, bias, y);
  }
  /// The same with weights stored as any type of number, without scratch memory. May be called by several threads at
  /// once.
  template <class T, class Value, class Column>
  void compressed_product(CompressedView<Value, HostSpace, Column> weight, Const<T> x, Const<T> bias, MatrixView<T> y) {
    for (index_t t = 0; t < x.rows; ++t)
      for (index_t o = 0; o < weight.rows; ++o) {
        double sum = bias.empty() ? 0.0 : double{bias(0, o)};
        for (index_t panel = 0; panel < weight.panels(); ++panel) {
          const std::uint32_t* const start = weight.row_start(panel, o);
          for (std::uint32_t k = start[0]; k < start[weight.segments]; ++k)
            sum += double{weight.value[k]} * double{x(t, panel * weight.panel_cols + weight.column[k])};
        }
        y(t, o) = static_cast<T>(sum);
      }
  }
  /// values[k] += (grad_y^T x) at the k-th kept weight.
  template <class T>
  void sampled_product(CompressedView<T, HostSpace> weight, Const<T> grad_y, Const<T> x,
                       std::type_identity_t<T>* values, workspace<T>&) {
    for (index_t panel = 0; panel < weight.panels(); ++panel)
      for (index_t o = 0; o < weight.rows; ++o) {
        const std::uint32_t* const start = weight.start + panel * weight.rows + o;
        for (std::uint32_t k = start[0]; k < start[1]; ++k) {
          double sum = 0;
          for (index_t t = 0; t < x.rows; ++t)
            sum += double{grad_y(t, o)} * double{x(t, panel * weight.panel_cols + weight.column[k])};
          values[k] += static_cast<T>(sum);
        }
      }
  }
  /// out = a tile of the weight, zero where it is pruned. The tile begins at a panel.
  template <class T>
  void expand(CompressedView<T, HostSpace> weight, Tile tile, MatrixView<T> out) {
    fill(out, T{0});
    for (index_t first = 0; first < tile.cols; first += weight.panel_cols)
      for (index_t r = 0; r < tile.rows; ++r) {
        const index_t panel = (tile.col + first) / weight.panel_cols;
        const std::uint32_t* const start = weight.start + panel * weight.rows + tile.row + r;
        for (std::uint32_t k = start[0]; k < start[1]; ++k) out(r, first + weight.column[k]) = weight.value[k];
      }
  }

 protected:
  /// Searches for the `count` lowest scores.
  template <class T>
  static RadixSelect<KeyOf<T>> lowest_of(MatrixView<T> scores, index_t count) {
    RadixSelect<KeyOf<T>> select;
    for (select.begin(count); select.searching();) {
      std::array<std::int64_t, RadixDigit<KeyOf<T>>::bins> counts{};
      Reference{}.histogram(scores, select.digit(), MatrixView<std::int64_t>{counts.data(), 1, std::ssize(counts)});
      select.choose(counts);
    }
    return select;
  }

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

}  // namespace pst::PST_ABI

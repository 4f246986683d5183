// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "pst/core/checks.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/random.hpp"
#include "pst/core/strided_view.hpp"

/// What a layer asks of the memory that it borrows.
namespace pst::PST_ABI::detail {

/// Throws unless `view` is rows x cols and its elements do not overlap; where it trains in place, rows or columns are
/// contiguous, for an optimizer sees a row stride alone.
template <class T, class Space>
void check_weight(const std::string& owner, StridedView<T, Space> view, index_t rows, index_t cols, bool in_place) {
  if (view.rows_are_contiguous()) return check_matrix(owner, "the weight", view.contiguous(), rows, cols);
  if (view.row_stride == 1) {
    require(view.rows == rows && view.cols == cols, owner, ": the weight is ", view.rows, " x ", view.cols,
            ", the layer expects ", rows, " x ", cols);
    return check_matrix(owner, "the transposed weight", view.transposed().contiguous(), cols, rows);
  }
  require(!in_place, owner, ": the weight has row stride ", view.row_stride, " and column stride ", view.col_stride,
          ", expected one of them to be 1 where the weight trains in place");
  check_matrix(owner, "the weight", MatrixView<T, Space>{view.data, view.rows, view.cols, view.cols}, rows, cols);
  const bool rows_apart = view.col_stride >= 1 && view.row_stride >= view.cols * view.col_stride;
  const bool cols_apart = view.row_stride >= 1 && view.col_stride >= view.rows * view.row_stride;
  require(rows_apart || cols_apart, owner, ": the weight has row stride ", view.row_stride, " and column stride ",
          view.col_stride, ", so that elements overlap, expected rows or columns that lie apart");
}

/// Throws unless a second `attach` gives what the first gave: a bias or none, and the same order of memory.
template <class View>
void check_attached_again(const std::string& owner, View weight, View before, bool has_bias, bool had_bias) {
  require(has_bias == had_bias, owner, ": attach was called before ", had_bias ? "with" : "without",
          " a bias, expected the same now");
  require(weight.rows_are_contiguous() == before.rows_are_contiguous(), owner,
          ": attach was called before with a weight whose ", before.rows_are_contiguous() ? "rows" : "columns",
          " are contiguous, expected the same now");
}

/// Throws unless `run` is one row of `size` numbers.
template <class T, class Space>
void check_run(const std::string& owner, const char* name, MatrixView<T, Space> run, index_t size) {
  require(size == 0 || run.rows == 1, owner, ": ", name, " has ", run.rows, " rows, expected 1");
  require(run.rows * run.cols == size, owner, ": ", name, " has ", run.rows * run.cols, " numbers, expected ", size);
  require(run.data != nullptr || size == 0, owner, ": ", name, " is a null pointer");
}

/// Throws when a number of a weight is NaN or Inf, naming the first.
template <class B, class T>
void refuse_non_finite(B& on, const std::string& owner, const char* name,
                       StridedView<const T, typename B::space> view) {
  if (view.rows_are_contiguous()) return refuse_non_finite(on, owner, name, view.contiguous());
  constexpr index_t at_once = 64;
  Matrix<B, T> rows(std::min(at_once, view.rows), view.cols);
  for (index_t first = 0; first < view.rows; first += at_once) {
    const index_t count = std::min(at_once, view.rows - first);
    const ViewOn<B, T> some = rows.view().middle_rows(0, count);
    on.map(some, functors::Identity{}, view.middle_rows(first, count));
    refuse_non_finite(on, owner, name, ViewOn<B, const T>{some}, first);
  }
}

/// A seed that differs with the weight, for layers without a name: two layers of one shape do not start from the same
/// factors. It is drawn from the first numbers of the first and the last row.
template <class B, class T>
[[nodiscard]] std::uint64_t seed_of_weight(B& on, std::uint64_t seed, StridedView<T, typename B::space> weight) {
  using Number = std::remove_const_t<T>;
  const index_t count = std::min<index_t>(weight.cols, 32);
  Matrix<B, Number> looked_at(1, count);
  std::vector<Number> host(static_cast<std::size_t>(count));
  for (const index_t row : {index_t{0}, weight.rows - 1}) {
    const StridedView<const Number, typename B::space> some = weight.middle_rows(row, 1).middle_cols(0, count);
    on.map(looked_at.view(), functors::Identity{}, some);
    on.copy_out(ViewOn<B, const Number>{looked_at.view()}, MatrixView<Number>{host.data(), 1, count});
    for (const Number value : host) {
      const double number = static_cast<double>(value);
      std::uint64_t bits;
      std::memcpy(&bits, &number, sizeof bits);
      seed = mix_bits(seed ^ bits);
    }
  }
  return seed;
}

/// Throws unless a mask from elsewhere is one of `shape`, without bits beyond its columns, that keeps something where
/// it must.
template <class B>
void check_given_mask(B& on, const std::string& owner, ConstMaskOn<B> mask, Shape shape, bool may_be_empty = false) {
  require(mask.rows == shape.out && mask.cols == shape.in, owner, ": the mask is ", mask.rows, " x ", mask.cols,
          ", the layer expects ", shape.out, " x ", shape.in);
  const index_t words = MaskView<mask_word>::words_for(shape.in);
  require(mask.words != nullptr && mask.words_per_row == words, owner, ": the mask has ", mask.words_per_row,
          " words in a row, expected ", words);
  std::vector<mask_word> host(static_cast<std::size_t>(shape.out * words));
  on.copy_out(ViewOn<B, const mask_word>{mask.words, shape.out, words},
              MatrixView<mask_word>{host.data(), shape.out, words});
  refuse_bits_beyond(owner, "the mask", host, words, shape.in);
  require(may_be_empty || std::any_of(host.begin(), host.end(), [](mask_word word) { return word != 0; }), owner,
          ": the mask keeps nothing, expected at least one weight");
}

}  // namespace pst::PST_ABI::detail

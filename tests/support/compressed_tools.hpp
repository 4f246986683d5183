// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "pst/core/compressed.hpp"
#include "pst/core/work_plan.hpp"
#include "support/host_mask.hpp"
#include "support/host_matrix.hpp"
#include "support/tolerances.hpp"

/// Checks of the compressed weight's verbs, on any backend of the host, against plain loops. No header of Eigen: Thrust
/// is checked by them too.
namespace pst::test {

/// One column, one panel but a column, a panel, one column more, several panels; a few rows, and several panels of
/// them.
inline constexpr Shape compressed_shapes[] = {{1, 1},    {1, 300},  {70, 1},   {63, 17},   {255, 9},  {256, 64},
                                              {257, 31}, {600, 13}, {40, 600}, {513, 257}, {20, 2100}};
/// Each way that a block of tokens can be full, and in between.
inline constexpr index_t compressed_tokens[] = {0, 1, 2, 7, 8, 9, 12, 16, 17, 24, 25, 31, 33, 64, 65, 100, 1000};

/// What a compressed weight holds, by its definition.
template <class T>
struct KeptWeights {
  std::vector<std::uint32_t> start{0};
  std::vector<std::uint8_t> column{};
  std::vector<T> value{};

  KeptWeights(const HostMatrix<T>& weight, const HostMask& mask) {
    for (index_t first = 0; first < weight.cols(); first += 256)
      for (index_t r = 0; r < weight.rows(); ++r) {
        for (index_t c = first; c < std::min(first + 256, weight.cols()); ++c)
          if (mask.view()(r, c)) column.push_back(static_cast<std::uint8_t>(c - first)), value.push_back(weight(r, c));
        start.push_back(static_cast<std::uint32_t>(value.size()));
      }
  }
  KeptWeights(const CompressedView<T, HostSpace>& from)
      : start(from.start, from.start + from.panels() * from.rows + 1),
        column(from.column, from.column + start.back()),
        value(from.value, from.value + start.back()) {}
  friend bool operator==(const KeptWeights&, const KeptWeights&) = default;
};

/// The masked weight.
template <class T>
[[nodiscard]] HostMatrix<T> masked(const HostMatrix<T>& weight, const HostMask& mask) {
  HostMatrix<T> out(weight.rows(), weight.cols());
  for (index_t r = 0; r < weight.rows(); ++r)
    for (index_t c = 0; c < weight.cols(); ++c) out(r, c) = mask.view()(r, c) ? weight(r, c) : T{0};
  return out;
}
template <class T>
[[nodiscard]] HostMatrix<T> transposed(const HostMatrix<T>& in) {
  HostMatrix<T> out(in.cols(), in.rows());
  for (index_t r = 0; r < in.rows(); ++r)
    for (index_t c = 0; c < in.cols(); ++c) out(c, r) = in(r, c);
  return out;
}
[[nodiscard]] inline HostMask transposed(const HostMask& in) {
  return HostMask(in.view().cols, in.view().rows, [&](index_t r, index_t c) { return in.view()(c, r); });
}

/// A weight compressed on a backend, in tiles of a few rows, the last first, and of whole panels.
template <class B, class T>
[[nodiscard]] CompressedWeight<B, T> compressed_on(B& on, const HostMatrix<T>& weight, const HostMask& mask) {
  const index_t rows = weight.rows(), cols = weight.cols(), at_once = 5;
  CompressedWeight<B, T> out(rows, cols);
  const index_t kept = on.count_kept(mask.view(), out.view());
  CHECK(kept == static_cast<index_t>(KeptWeights<T>(weight, mask).value.size()));
  out.reserve(kept);
  for (index_t end = rows; end > 0; end = std::max<index_t>(end - at_once, 0)) {
    const index_t first = std::max<index_t>(end - at_once, 0);
    const index_t at_once_cols = 256 * (1 + end % 4);
    for (index_t col = 0; col < cols; col += at_once_cols) {
      const Tile tile{.row = first, .rows = end - first, .col = col, .cols = std::min(at_once_cols, cols - col)};
      on.compress(tile.of(weight.view()), tile.of(mask.view()), tile, out.view());
    }
  }
  return out;
}
/// Its transpose.
template <class B, class T>
[[nodiscard]] CompressedWeight<B, T> transposed_on(B& on, CompressedWeight<B, T>& weight) {
  const auto from = weight.view();
  CompressedWeight<B, T> out(from.cols, from.rows);
  out.reserve(static_cast<index_t>(from.start[from.panels() * from.rows]));
  on.transpose_compressed(from, out.view());
  return out;
}

/// Compression, transposition and expansion of one shape under all masks.
template <class T, class B>
void check_compression(B on, Shape shape) {
  CAPTURE(shape.in);
  CAPTURE(shape.out);
  Draw draw{static_cast<std::uint64_t>(1000 * shape.in + shape.out)};
  const auto weight = draw.normal<T>(shape.out, shape.in, 3);
  int which = 0;
  for (const HostMask& mask : hard_masks(shape.out, shape.in, draw)) {
    CAPTURE(which++);
    auto by_rows = compressed_on(on, weight, mask);
    CHECK(KeptWeights<T>{by_rows.view()} == KeptWeights<T>(weight, mask));
    auto by_columns = transposed_on(on, by_rows);
    CHECK(KeptWeights<T>{by_columns.view()} == KeptWeights<T>(transposed(weight), transposed(mask)));
    CHECK(KeptWeights<T>{transposed_on(on, by_columns).view()} == KeptWeights<T>{by_rows.view()});

    const auto truth = masked(weight, mask);
    for (const Shape tile : {Shape{256, 7}, Shape{512, 1}, Shape{10 * 256, 1000}}) {  // tiles begin at a panel
      HostMatrix<T> out(shape.out, shape.in, 2);
      out.fill(9);
      const WorkPlan plan = WorkPlan::cut(shape, 3, 1, tile, 1);
      for (index_t part = 0; part < plan.parts(); ++part)
        plan.for_each_tile(part, 0, [&](Tile here) { on.expand(by_rows.view(), here, here.of(out.view())); });
      CHECK(distance(out, truth) == 0);
      CHECK(out.gap_is_untouched());
    }
  }
}

/// x W'^T + bias in double.
template <class T>
[[nodiscard]] HostMatrix<double> product(const HostMatrix<T>& x, const HostMatrix<T>& weight,
                                         MatrixView<const T> bias) {
  HostMatrix<double> y(x.rows(), weight.rows());
  for (index_t o = 0; o < weight.rows(); ++o) {
    if (!bias.empty())
      for (index_t t = 0; t < x.rows(); ++t) y(t, o) = double{bias(0, o)};
    for (index_t i = 0; i < weight.cols(); ++i)
      if (const double w{weight(o, i)}; w != 0)
        for (index_t t = 0; t < x.rows(); ++t) y(t, o) += w * double{x(t, i)};
  }
  return y;
}

/// The products with W' and W'^T, and G at the kept weights, of one shape for all numbers of tokens.
template <class T, class B>
void check_compressed_products(B on, Shape shape) {
  CAPTURE(shape.in);
  CAPTURE(shape.out);
  const auto [in, out] = shape;
  constexpr double near = tolerances<T>::value;
  Draw draw{static_cast<std::uint64_t>(in + 1000 * out)};
  const auto weight = draw.normal<T>(out, in), bias = draw.normal<T>(1, out);
  const HostMask mask = random_mask(out, in, draw, 0.15);
  auto by_rows = compressed_on(on, weight, mask), by_columns = transposed_on(on, by_rows);
  const auto truth = masked(weight, mask), flipped = transposed(truth);
  const KeptWeights<T> kept{by_rows.view()};
  typename B::template workspace<T> memory{on, LayerLayout{on.plan(shape, 1), 1}};
  for (const index_t tokens : compressed_tokens) {
    if (tokens * shape.size() > 8000000) continue;  // a matter of seconds
    CAPTURE(tokens);
    const auto x = draw.normal<T>(tokens, in, 3), grad_y = draw.normal<T>(tokens, out, 1);
    HostMatrix<T> y(tokens, out, 5), grad_x(tokens, in, 2);
    for (const MatrixView<const T> added : {bias.view(), MatrixView<const T>{}}) {
      y.fill(17);
      on.compressed_product(by_rows.view(), x.view(), added, y.view(), memory);
      CHECK(distance(y, product(x, truth, added)) <= near);
    }
    grad_x.fill(17);
    on.compressed_product(by_columns.view(), grad_y.view(), MatrixView<const T>{}, grad_x.view(), memory);
    CHECK(distance(grad_x, product(grad_y, flipped, MatrixView<const T>{})) <= near);
    CHECK(y.gap_is_untouched());
    CHECK(grad_x.gap_is_untouched());

    std::vector<T> found(kept.value.size() + 3, T{17});  // the last three stay, the others are added to
    on.sampled_product(by_rows.view(), grad_y.view(), x.view(), found.data(), memory);
    HostMatrix<double> expected(1, std::ssize(kept.value));
    expected.fill(17);
    for (index_t panel = 0; panel < by_rows.view().panels(); ++panel)
      for (index_t o = 0; o < out; ++o)
        for (auto k = kept.start[static_cast<std::size_t>(panel * out + o)];
             k < kept.start[static_cast<std::size_t>(panel * out + o + 1)]; ++k)
          for (index_t t = 0; t < tokens; ++t)
            expected(0, k) += double{grad_y(t, o)} * double{x(t, panel * 256 + kept.column[k])};
    CHECK(distance(MatrixView<const T>{found.data(), 1, expected.cols()}, expected.view()) <= near);
    CHECK(std::count(found.end() - 3, found.end(), T{17}) == 3);
  }
}

}  // namespace pst::test

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thrust/copy.h>
#include <thrust/count.h>
#include <thrust/fill.h>
#include <thrust/for_each.h>
#include <thrust/functional.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/logical.h>
#include <thrust/transform_reduce.h>
#include <thrust/transform_scan.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "pst/backend/thrust/compressed.hpp"
#include "pst/backend/thrust/elements.hpp"
#include "pst/backend/thrust/masks.hpp"
#include "pst/backend/thrust/system.hpp"
#include "pst/concepts/backend.hpp"
#include "pst/core/tile_scratch.hpp"

namespace pst::PST_ABI {

/// Every verb as Thrust algorithms on the memory of `System`; Reference says what the verbs mean.
///
/// Written to be read and to run on any system, not to be fast: one thread computes one element. A system with tuned
/// libraries overloads the products (gemm*, compressed_*). Sums are taken in double, in an order that depends on the
/// shape alone; a parallel system's `squared_norm` has that system's order.
///
/// On the C++ system forward and backward allocate nothing, and so do they elsewhere but for `all_finite`, whose
/// temporary memory comes from the allocator in `System::policy()`. `histogram`, `collect` and `prune_lowest` take
/// memory in every `begin_step` and give it back.
/// @ingroup backend
template <class System>
struct Thrust {
  using role = roles::backend;
  using space = typename System::space;
  template <class T>
  using buffer = on_thrust::Buffer<typename System::template vector<T>>;
  /// Scratch memory of one layer.
  template <class Scalar>
  using workspace = TileScratch<Thrust, Scalar>;

  template <class T>
  using View = MatrixView<T, space>;
  /// An input whose element type follows that of the output, constant or not.
  template <class T>
  using Const = MatrixView<const std::type_identity_t<T>, space>;
  using Mask = MaskView<mask_word, space>;
  using ConstMask = MaskView<const mask_word, space>;
  template <class T>
  using KeyOf = OrderKey<std::remove_const_t<T>>;

  [[no_unique_address]] System system{};
  /// The weights of one block of rows: enough to fill a GPU.
  index_t block_elements = index_t{1} << 22;

  [[nodiscard]] NothingShared use() const noexcept { return {}; }
  [[nodiscard]] index_t slots() const noexcept { return 1; }
  [[nodiscard]] WorkPlan plan(Shape shape, index_t row_multiple) const noexcept {
    const index_t rows = block_elements / shape.in;
    return WorkPlan::cut(shape, 1, rows, {.in = shape.in, .out = rows}, row_multiple);
  }
  void for_each_part(index_t count, PartFunction f) {
    for (index_t part = 0; part < count; ++part) f(part, index_t{0});
  }

  // ---- elements
  template <class T>
  void fill(View<T> out, std::type_identity_t<T> value) {
    at_each(out.rows, out.cols, on_thrust::SetTo<T, space>{out, value});
  }
  template <class T, class F>
  void generate(View<T> out, F f) {
    at_each(out.rows, out.cols, on_thrust::Generate<T, space, F>{out, f});
  }
  template <class T, class F, class... In>
  void map(View<T> out, F f, In... in) {
    at_each(out.rows, out.cols, on_thrust::Map<T, space, F, In...>{out, f, thrust::tuple<In...>{in...}});
  }
  template <class T>
  void copy_in(MatrixView<const std::type_identity_t<T>> host, View<T> out) {
    copy_rows(host.rows, host.cols, host.data, host.row_stride, pointer<T>{out.data}, out.row_stride);
  }
  template <class T>
  void copy_out(Const<T> in, MatrixView<T> host) {
    copy_rows(in.rows, in.cols, pointer<const T>{in.data}, in.row_stride, host.data, host.row_stride);
  }

  // ---- products and sums
  template <class T>
  void gemm(double alpha, Const<T> a, Const<T> b, View<T> out) {
    multiply(alpha, plain<T>(a), plain<T>(b), a.cols, out);
  }
  template <class T>
  void gemm_nt(double alpha, Const<T> a, Const<T> b, View<T> out) {
    multiply(alpha, plain<T>(a), transposed<T>(b), a.cols, out);
  }
  template <class T>
  void gemm_tn(double alpha, Const<T> a, Const<T> b, View<T> out) {
    multiply(alpha, transposed<T>(a), plain<T>(b), a.rows, out);
  }
  template <class T>
  void row_sums(double alpha, Const<T> in, View<T> out) {
    at_each(in.rows, 1, on_thrust::AddSum<T, space>{alpha, in, in.cols, 1, out});
  }
  template <class T>
  void column_sums(double alpha, Const<T> in, View<T> out) {
    at_each(1, in.cols, on_thrust::AddSum<T, space>{alpha, in, in.rows, in.row_stride, out});
  }
  template <class T>
  void column_squares(double alpha, Const<T> in, View<T> out) {
    at_each(1, in.cols, on_thrust::AddColumnSquares<T, space>{alpha, in, out});
  }
  template <class T>
  void add_outer_sum(double alpha, Const<T> column, Const<T> row, View<T> out) {
    at_each(out.rows, out.cols, on_thrust::AddOuterSum<T, space>{static_cast<T>(alpha), column, row, out});
  }
  template <class T>
  void add_slices(Const<T> slices, View<T> out) {
    at_each(out.rows, out.cols, on_thrust::AddSlices<T, space>{slices, out});
  }
  /// A launch for each of its levels.
  template <class T>
  void hadamard(View<T> out) {
    for (index_t h = 1; h < out.cols; h *= 2) at_each(out.rows, out.cols / 2, on_thrust::Butterfly<T, space>{out, h});
  }
  template <class T, class... Terms>
  void sum_terms(View<T> out, const Terms&... terms) {
    at_each(out.rows, out.cols, on_thrust::SumTerms<T, space, Terms...>{out, thrust::tuple<Terms...>{terms...}});
  }
  template <class T>
  [[nodiscard]] bool all_finite(View<T> in) {
    return thrust::none_of(system.policy(), counter(0), counter(in.size()),
                           at(in.cols, on_thrust::IsNotFinite<T, space>{in}));
  }
  template <class T>
  [[nodiscard]] double squared_norm(View<T> in) {
    return thrust::transform_reduce(system.policy(), counter(0), counter(in.size()),
                                    at(in.cols, on_thrust::Square<T, space>{in}), 0.0, thrust::plus<double>{});
  }

  // ---- ranks and masks
  /// Counts in lanes, each of which has a histogram of its own; these are then added up.
  template <class T>
  void histogram(View<T> scores, RadixDigit<KeyOf<T>> digit, View<std::int64_t> counts) {
    constexpr index_t most_lanes = 512, scores_per_lane = 4096;
    const index_t lanes = std::clamp<index_t>(scores.size() / scores_per_lane, 1, most_lanes);
    buffer<std::int64_t> memory(static_cast<std::size_t>(lanes * counts.cols));
    const View<std::int64_t> histograms{memory.data(), lanes, counts.cols};
    each(lanes, on_thrust::CountLane<T, space, KeyOf<T>>{scores, digit, histograms});
    add_slices(histograms, counts);
  }
  /// Counts first: nothing is copied where not all would fit.
  template <class T>
  void collect(View<T> scores, KeyRange<KeyOf<T>> range, View<std::remove_const_t<T>> found,
               View<std::int64_t> counts) {
    const auto first = thrust::make_transform_iterator(
        counter(0), at(std::max<index_t>(scores.cols, 1), on_thrust::ScoreAt<T, space>{scores}));
    const auto end = first + scores.size();
    const on_thrust::IsInside<KeyOf<T>> is_inside{range};
    const auto below = thrust::count_if(system.policy(), first, end, on_thrust::IsBelow<KeyOf<T>>{range.first});
    const auto inside = thrust::count_if(system.policy(), first, end, is_inside);
    const index_t before = on_host(counts.data + 1);
    if (before + inside <= found.cols) thrust::copy_if(system.policy(), first, end, found.data + before, is_inside);
    each(1, on_thrust::AddCounts<space>{counts, below, inside});
  }
  /// A scan of the ties in each word tells every word how many come before it.
  template <class T>
  index_t prune_lowest(View<T> scores, KeyOf<T> threshold, index_t ties, Mask mask) {
    const index_t words = mask.rows * mask.words_per_row;
    buffer<index_t> ties_before(static_cast<std::size_t>(words + 1));  // begins with 0
    thrust::transform_inclusive_scan(
        system.policy(), counter(0), counter(words), ties_before.data() + 1,
        at(mask.words_per_row, on_thrust::TiesOfWord<T, space, KeyOf<T>>{scores, threshold}), thrust::plus<index_t>{});
    at_each(mask.rows, mask.words_per_row,
            on_thrust::PruneWord<T, space, KeyOf<T>>{scores, threshold, ties, ties_before.data(), mask});
    return std::min(ties, on_host(ties_before.data() + words));
  }
  template <class T>
  void prune_lowest_per_row(View<T> scores, index_t count, Mask mask) {
    each(scores.rows, on_thrust::PruneRow<T, space, KeyOf<T>>{scores, count, mask});
  }
  template <class F>
  void fill_mask(Mask mask, F f) {
    at_each(mask.rows, mask.words_per_row, on_thrust::FillWord<space, F>{mask, f});
  }
  MaskChange replace_mask(ConstMask next, Mask mask) {
    const index_t words = mask.rows * mask.words_per_row;
    if (words == 0) return {};
    const MaskChange change = thrust::transform_reduce(system.policy(), counter(0), counter(words),
                                                       on_thrust::ChangeOfWord{next.words, mask.words}, MaskChange{},
                                                       on_thrust::AddChanges{});
    thrust::copy_n(system.policy(), next.words, words, mask.words);
    return change;
  }

  // ---- the compressed weight
  template <class T>
  index_t count_kept(ConstMask mask, CompressedView<T, space> out) {
    scan_starts(out, on_thrust::KeptInSegment<T, space>{mask});
    const index_t words = mask.rows * mask.words_per_row;  // not the last offset, which has 32 bits
    return thrust::transform_reduce(system.policy(), counter(0), counter(words), on_thrust::KeptInWord{mask.words},
                                    index_t{0}, thrust::plus<index_t>{});
  }
  template <class T>
  void compress(Const<T> weight, ConstMask mask, Tile tile, CompressedView<T, space> out) {
    at_each(tile.rows, out.panels_for(tile.cols), on_thrust::CompressSegment<T, space>{weight, mask, tile, out});
  }
  template <class T>
  void transpose_compressed(CompressedView<T, space> weight, CompressedView<T, space> out) {
    scan_starts(out, on_thrust::KeptInColumn<T, space>{weight});
    each(out.panels() * out.rows, on_thrust::TransposeSegment<T, space>{weight, out});
  }
  template <class T>
  void compressed_product(CompressedView<T, space> weight, Const<T> x, Const<T> bias,
                          MatrixView<std::type_identity_t<T>, space> y, workspace<T>&) {
    compressed_product(weight, x, bias, y);
  }
  template <class T, class Value, class Column>
  void compressed_product(CompressedView<Value, space, Column> weight, Const<T> x, Const<T> bias, View<T> y) {
    at_each(x.rows, weight.rows, on_thrust::CompressedProduct<T, space, Value, Column>{weight, x, bias, y});
  }
  template <class T>
  void sampled_product(CompressedView<T, space> weight, Const<T> grad_y, Const<T> x, std::type_identity_t<T>* values,
                       workspace<T>&) {
    at_each(weight.panels(), weight.rows, on_thrust::SampledProduct<T, space>{weight, grad_y, x, values});
  }
  template <class T>
  void expand(CompressedView<T, space> weight, Tile tile, View<T> out) {
    fill(out, T{0});
    each(tile.rows, on_thrust::ExpandRow<T, space>{weight, tile, out});
  }

 private:
  template <class T>
  using pointer = typename System::template pointer<T>;

  [[nodiscard]] static thrust::counting_iterator<index_t> counter(index_t i) {
    return thrust::counting_iterator<index_t>{i};
  }
  template <class F>
  [[nodiscard]] static on_thrust::AtPosition<F> at(index_t cols, F f) {
    return {cols, f};
  }
  /// f(i) for i = 0 ... count - 1, in any order.
  template <class F>
  void each(index_t count, F f) {
    thrust::for_each_n(system.policy(), counter(0), count, f);
  }
  /// f(r, c) for every position, in any order.
  template <class F>
  void at_each(index_t rows, index_t cols, F f) {
    each(rows * cols, at(cols, f));
  }
  template <class T>
  [[nodiscard]] static on_thrust::Operand<T> plain(View<const T> view) noexcept {
    return {view.data, view.row_stride, 1};
  }
  template <class T>
  [[nodiscard]] static on_thrust::Operand<T> transposed(View<const T> view) noexcept {
    return {view.data, 1, view.row_stride};
  }
  template <class T>
  void multiply(double alpha, on_thrust::Operand<T> a, on_thrust::Operand<T> b, index_t depth, View<T> out) {
    at_each(out.rows, out.cols, on_thrust::AddProduct<T, space>{alpha, a, b, depth, out});
  }
  template <class T>
  [[nodiscard]] static index_t on_host(const T* device) {
    T value{};
    thrust::copy_n(pointer<const T>{device}, 1, &value);
    return static_cast<index_t>(value);
  }
  /// start[i] = the sum of `kept(j)` for all segments j < i
  template <class T, class F>
  void scan_starts(CompressedView<T, space> out, F kept) {
    const index_t segments = out.panels() * out.rows;
    thrust::fill_n(system.policy(), out.start, 1, 0U);
    thrust::transform_inclusive_scan(system.policy(), counter(0), counter(segments), out.start + 1, kept,
                                     thrust::plus<std::uint32_t>{});
  }
  /// Copies between systems, which the kinds of pointer tell: all at once where no row has a gap behind it.
  template <class From, class To>
  static void copy_rows(index_t rows, index_t cols, From from, index_t from_stride, To to, index_t to_stride) {
    if (rows == 0 || cols == 0) return;
    const bool gapless = from_stride == cols && to_stride == cols;
    const index_t copies = gapless ? 1 : rows, length = gapless ? rows * cols : cols;
    for (index_t copy = 0; copy < copies; ++copy)
      thrust::copy_n(from + copy * from_stride, length, to + copy * to_stride);
  }
};

/// Thrust without a GPU: every verb runs on the CPU, in one thread, from plain C++.
/// @ingroup backend
using ThrustCpp = Thrust<on_thrust::CppSystem>;
static_assert(BackendFor<ThrustCpp, float> && BackendFor<ThrustCpp, double>);

}  // namespace pst::PST_ABI

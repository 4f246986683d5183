// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/concepts/backend.hpp"
#include "pst/concepts/delta.hpp"
#include "pst/concepts/importance.hpp"
#include "pst/concepts/selector.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/terms.hpp"
#include "pst/layer/mask_report.hpp"

namespace pst {

/// The weight of a SparseLinear: W' = M .* W~ with W~ = delta(W0), its scores, its mask and its compressed form.
///
/// A part of SparseLinear, which checks what it is called with. W~ and scores exist one block of rows at a time, in the
/// scratch memory of a slot, and are computed again by the same code wherever they are needed: same bits every time.
template <class Scalar, class Importance, class Delta, class Selector, class Backend, class Stored>
class MaskedWeight {
 public:
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;
  /// The attached weight: numbers of type `Stored`, mutable if it is trained in place.
  using BaseView = ViewOn<Backend, std::conditional_t<Delta::in_place, Stored, const Stored>>;
  using SelectorState = typename Selector::template State<Backend, Scalar>;

  MaskedWeight(Shape shape, std::uint64_t seed, Backend backend)
      : on_{std::move(backend)}, layout_{on_.plan(shape, Selector::row_multiple), seed} {}

  /// Borrows `base` and, the first time, allocates every state.
  void attach(BaseView base, const Importance& importance, const Delta& delta, const Selector& selector) {
    base_ = base;
    if (attached()) return;
    const Shape shape = layout_.shape;
    Matrix<Backend, Scalar> widened;
    ConstView weight;
    if constexpr (is_widened) {  // policies look at the weight once, and forget it
      widened = Matrix<Backend, Scalar>(shape.out, shape.in);
      on_.map(widened.view(), functors::ConvertTo<Scalar>{}, base);
      weight = widened.view();
    } else {
      weight = base;
    }
    delta_.emplace(delta, on_, layout_, weight);
    importance_.emplace(importance, on_, layout_, weight);
    selector_.emplace(selector, on_, layout_, weight);
    workspace_.emplace(on_, layout_);
    mask_ = Words(static_cast<std::size_t>(shape.out * mask_view().words_per_row));
    by_rows_ = Compressed(shape.out, shape.in);
    by_columns_ = Compressed(shape.in, shape.out);
    changes_.resize(static_cast<std::size_t>(layout_.plan.parts()));
  }
  /// False as well when a policy refused the weight, and after a move.
  [[nodiscard]] bool attached() const noexcept { return !changes_.empty(); }

  // ---- refreshing the mask
  void zero_gradients() {
    delta_->begin_step(on_);
    importance_->begin_step(on_);
  }
  [[nodiscard]] SelectorState& selector() { return *selector_; }
  /// Shows the selector all scores once, if it wants them. False when a weight or score is NaN or Inf.
  [[nodiscard]] bool ranking_pass() {
    std::atomic<bool> finite{true};
    const bool observed = selector_->wants_pass();
    for_each_block([&](Tile tile) {
      const auto weight = scored_weight(tile);
      const ConstView score = scores(tile, weight);
      bool fits = on_.all_finite(score);
      if constexpr (!scores_show_weight()) fits = fits && on_.all_finite(weight);
      if (!fits)
        finite.store(false, std::memory_order_relaxed);
      else if (observed)
        selector_->observe(on_, tile, score);
    });
    return finite;
  }
  /// Writes the mask that the selector has settled on, and compresses the weight if its density is at most
  /// `compress_below`.
  void write_mask(double compress_below) {
    forget_change();
    for_each_block([&](Tile tile) {
      const MaskOn<Backend> next = workspace_->mask(tile);
      selector_->select(on_, tile, scores(tile, scored_weight(tile)), next);
      const MaskChange change = on_.replace_mask(next, tile.rows_of(mask_view()));
      changes_[static_cast<std::size_t>(tile.part)].dropped += change.dropped;
      changes_[static_cast<std::size_t>(tile.part)].regrown += change.regrown;
    });
    mask_written(compress_below);
  }
  /// Counts and compresses after the mask changed.
  void mask_written(double compress_below) {
    compressed_in_use_ = false;  // until it is complete
    kept_ = on_.count_kept(mask(), by_rows_.view());
    const double density = static_cast<double>(kept_) / static_cast<double>(layout_.shape.size());
    if (density > compress_below || kept_ > Compressed::most) return;
    by_rows_.reserve(kept_);
    by_columns_.reserve(kept_);
    for_each_piece([&](Tile tile) { on_.compress(effective(tile), tile.of(mask()), tile, by_rows_.view()); });
    on_.transpose_compressed(by_rows_.view(), by_columns_.view());
    compressed_in_use_ = true;
  }
  /// Brings the compressed weight, if it is in use, up to date with W~; the mask stays. False when a weight is NaN or
  /// Inf.
  [[nodiscard]] bool keep_mask() {
    std::atomic<bool> finite{true};
    for_each_piece([&](Tile tile) {
      const ConstView weight = effective(tile);
      if (!on_.all_finite(weight)) finite.store(false, std::memory_order_relaxed);
      if (compressed_in_use_) on_.compress(weight, tile.of(mask()), tile, by_rows_.view());
    });
    if (compressed_in_use_) on_.transpose_compressed(by_rows_.view(), by_columns_.view());
    return finite;
  }

  // ---- one tile
  /// W~ of a tile.
  [[nodiscard]] ConstView effective(Tile tile) {
    const MutableView scratch = workspace_->numbers(0, tile);
    if constexpr (is_widened) {
      on_.map(scratch, functors::ConvertTo<Scalar>{}, tile.of(base_));
      return delta_->effective(on_, tile, ConstView{scratch}, scratch);
    } else {
      return delta_->effective(on_, tile, ConstView{tile.of(base_)}, scratch);
    }
  }
  /// S of a tile of whole rows, from W~ in memory or as a term.
  [[nodiscard]] ConstView scores(Tile tile, const auto& weight) {
    const MutableView out = workspace_->numbers(1, tile);
    if constexpr (ScoresByTerms<ImportanceState, Backend, Scalar>) {
      std::apply([&](const auto&... term) { on_.sum_terms(out, term...); }, importance_->score_terms(tile, weight));
    } else {
      on_.fill(out, Scalar{0});
      importance_->score(on_, tile, weight, out);
    }
    return out;
  }
  /// W' of a tile.
  [[nodiscard]] ConstView masked(Tile tile) {
    const MutableView out = workspace_->numbers(0, tile);
    on_.map(out, functors::KeepOrZero{}, effective(tile), tile.of(mask()));
    return out;
  }
  /// Memory for G, the gradient of W', of a tile.
  [[nodiscard]] MutableView gradient_tile(Tile tile) { return workspace_->numbers(2, tile); }
  /// Memory for the G that scores learn from, where it is another.
  [[nodiscard]] MutableView score_gradient_tile(Tile tile) { return workspace_->numbers(1, tile); }

  // ---- learning from G of a tile, which is in `gradient_tile` and is used up
  /// The weight and the scores learn from the same G.
  template <class StraightThrough>
  void learn(Tile tile, const StraightThrough& straight_through) {
    learn_apart(tile, straight_through, gradient_tile(tile));
  }
  /// The scores learn from another G than the weight, which may be in `score_gradient_tile` and is used up.
  template <class StraightThrough>
  void learn_apart(Tile tile, const StraightThrough& straight_through, ConstView scores_learn_from) {
    const ConstView weight = effective(tile);
    const MutableView gradient = gradient_tile(tile), grad_scores = score_gradient_tile(tile);
    on_.map(grad_scores, functors::Multiply{}, scores_learn_from, weight);
    on_.map(gradient, straight_through, ConstView{gradient}, tile.of(mask()));
    if constexpr (StraightThrough::through_scores) {
      importance_->backward(on_, tile, weight, grad_scores, gradient);
      delta_->backward(on_, tile, gradient);
    } else {  // what the score sends back comes too late to reach the weight
      delta_->backward(on_, tile, gradient);
      importance_->backward(on_, tile, weight, grad_scores, gradient);
    }
  }
  /// The weight alone learns; scores rest.
  template <class StraightThrough>
  void learn_weight(Tile tile, const StraightThrough& straight_through) {
    const MutableView gradient = gradient_tile(tile);
    on_.map(gradient, straight_through, ConstView{gradient}, tile.of(mask()));
    delta_->backward(on_, tile, gradient);
  }
  /// Makes room for `find_kept_gradient`; possible only while the weight is compressed.
  void reserve_kept_gradient() {
    const auto size = static_cast<std::size_t>(kept_);
    if (kept_gradient_.size() < size || kept_gradient_.size() > 2 * size)
      kept_gradient_ = typename Backend::template buffer<Scalar>(size + size / 32);
  }
  /// Computes G at the kept weights alone, from all tokens. False when it is not finite.
  [[nodiscard]] bool find_kept_gradient(ConstView grad_y, ConstView x) {
    on_.sampled_product(by_rows_.view(), grad_y, x, kept_gradient_.data(), *workspace_);
    return on_.all_finite(ConstView{kept_gradient_.data(), 1, kept_});
  }
  /// Puts what `find_kept_gradient` found into `gradient_tile`, zeros elsewhere.
  void expand_kept_gradient(Tile tile) {
    auto kept = by_rows_.view();
    kept.value = kept_gradient_.data();
    on_.expand(kept, tile, gradient_tile(tile));
  }
  /// Scores learn nothing in this step, whatever `begin_step` of the importance metric has given them.
  void rest_scores() {
    importance_->for_each_parameter([&](const auto& parameter) { on_.fill(parameter.grad, Scalar{0}); });
  }
  void finish_backward() {
    delta_->finish_backward(on_);
    importance_->finish_backward(on_);
  }
  /// Calls `f(Tile)` for all tiles, parts at the same time.
  template <class F>
  void for_each_tile(F&& f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_tile(part, slot, f); });
  }

  /// Calls `f(Tile)` for all rows, parts at the same time.
  template <class F>
  void for_each_block(F&& f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_block(part, slot, f); });
  }
  /// Calls `f(Tile)` for all pieces of blocks, parts at the same time.
  template <class F>
  void for_each_piece(F&& f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_piece(part, slot, f); });
  }
  /// Calls `f(Tile)` for all rows in order, in the memory of one slot.
  template <class F>
  void for_each_block_in_order(index_t slot, F&& f) {
    for (index_t part = 0; part < layout_.plan.parts(); ++part) layout_.plan.for_each_block(part, slot, f);
  }

  void for_each_parameter(auto&& visit) {
    if constexpr (is_widened)
      delta_->for_each_parameter(ConstView{}, visit);  // nothing of the weight itself trains
    else
      delta_->for_each_parameter(base_, visit);
    importance_->for_each_parameter(visit);
  }
  [[nodiscard]] Backend& backend() noexcept { return on_; }
  [[nodiscard]] const LayerLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] ConstMaskOn<Backend> mask() const noexcept {
    return {mask_.data(), layout_.shape.out, layout_.shape.in};
  }
  [[nodiscard]] MaskOn<Backend> mask_view() noexcept { return {mask_.data(), layout_.shape.out, layout_.shape.in}; }
  [[nodiscard]] bool compressed_in_use() const noexcept { return compressed_in_use_; }
  /// W' in rows, and its transpose, when they are in use.
  [[nodiscard]] CompressedView<Scalar, typename Backend::space> by_rows() { return by_rows_.view(); }
  [[nodiscard]] CompressedView<Scalar, typename Backend::space> by_columns() { return by_columns_.view(); }
  [[nodiscard]] typename Backend::template workspace<Scalar>& workspace() { return *workspace_; }
  [[nodiscard]] index_t kept() const noexcept { return kept_; }
  /// Nothing was refreshed: there was no mask before.
  void forget_change() {
    for (MaskChange& change : changes_) change = {};
  }
  /// What the last refresh changed.
  [[nodiscard]] MaskChange change() const noexcept {
    MaskChange total;
    for (const MaskChange& one : changes_) total.dropped += one.dropped, total.regrown += one.regrown;
    return total;
  }
  /// Fills in what a report says of the weight and its mask as a whole.
  void describe(MaskReport& out) {
    const auto [in, rows] = out.shape = layout_.shape;
    out.kept = kept_;
    out.dropped = change().dropped;
    out.regrown = change().regrown;
    out.dense_bytes = static_cast<std::size_t>(in * rows) * sizeof(Stored);
    out.compressed_bytes =
        static_cast<std::size_t>(kept_) * sizeof(Scalar) + static_cast<std::size_t>(rows * ((in + 7) / 8));
    out.training_bytes = bytes();
    out.scratch_bytes = workspace_->bytes();
  }
  /// Everything that is held besides the borrowed weight.
  [[nodiscard]] std::size_t bytes() const {
    if (!attached()) return 0;
    return delta_->persistent_bytes() + importance_->persistent_bytes() + mask_.size() * sizeof(mask_word) +
           by_rows_.bytes() + by_columns_.bytes() + kept_gradient_.size() * sizeof(Scalar);
  }

 private:
  static constexpr bool is_widened = !std::is_same_v<Stored, Scalar>;
  using ImportanceState = typename Importance::template State<Backend, Scalar>;
  using DeltaState = typename Delta::template State<Backend, Scalar>;
  using Words = typename Backend::template buffer<mask_word>;
  using Compressed = CompressedWeight<Backend, Scalar>;
  static_assert(WorkPlan::column_multiple % CompressedView<Scalar, typename Backend::space>::panel_cols == 0);

  /// Whether S is NaN or Inf wherever W~ is.
  [[nodiscard]] static constexpr bool scores_show_weight() {
    if constexpr (ScoresByTerms<ImportanceState, Backend, Scalar>)
      return terms::show_non_finite<decltype(std::declval<const ImportanceState&>().score_terms(Tile{}, ConstView{}))>;
    else
      return false;
  }
  /// What S is computed from: W~ as a term that is never stored, where nothing but S asks for it.
  [[nodiscard]] auto scored_weight(Tile tile) {
    if constexpr (scores_show_weight() && !is_widened && GivesTheWeightAsATerm<DeltaState, Backend, Scalar>)
      return delta_->weight_term(tile, ConstView{tile.of(base_)});
    else
      return effective(tile);
  }

  Backend on_;
  LayerLayout layout_;
  BaseView base_{};
  std::optional<ImportanceState> importance_;
  std::optional<DeltaState> delta_;
  std::optional<SelectorState> selector_;
  std::optional<typename Backend::template workspace<Scalar>> workspace_;
  Words mask_;
  Compressed by_rows_;     // W'
  Compressed by_columns_;  // W'^T
  typename Backend::template buffer<Scalar> kept_gradient_;
  std::vector<MaskChange> changes_;  // one for each part
  index_t kept_ = 0;
  bool compressed_in_use_ = false;
};

}  // namespace pst

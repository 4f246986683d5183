// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/concepts/backend.hpp"
#include "pst/concepts/delta.hpp"
#include "pst/concepts/importance.hpp"
#include "pst/concepts/selector.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"

namespace pst {

/// The weight of a SparseLinear: W' = M .* W~ with W~ = delta(W0), its scores, its mask and its compressed form.
///
/// A part of SparseLinear, which checks what it is called with. W~ and scores exist one block of rows at a time, in the
/// scratch memory of a slot, and are computed again by the same code wherever they are needed: same bits every time.
template <class Scalar, class Importance, class Delta, class Selector, class Backend>
class MaskedWeight {
 public:
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;
  using BaseView = std::conditional_t<Delta::in_place, MutableView, ConstView>;
  using SelectorState = typename Selector::template State<Backend, Scalar>;

  MaskedWeight(Shape shape, std::uint64_t seed, Backend backend)
      : on_{std::move(backend)}, layout_{shape, on_.plan(shape, Selector::row_multiple), seed} {}

  /// Borrows `base` and, the first time, allocates every state.
  void attach(BaseView base, const Importance& importance, const Delta& delta, const Selector& selector) {
    base_ = base;
    if (attached()) return;
    const auto [shape, plan, seed] = layout_;
    delta_.emplace(delta, on_, layout_, ConstView{base});
    importance_.emplace(importance, on_, layout_, ConstView{base});
    selector_.emplace(selector, on_, layout_, ConstView{base});
    scratch_ = Matrix<Backend, Scalar>(on_.slots() * scratch_blocks * plan.rows_per_block, shape.in);
    const auto words = static_cast<std::size_t>(mask_view().words_per_row);
    mask_ = Words(static_cast<std::size_t>(shape.out) * words);
    next_mask_ = Words(static_cast<std::size_t>(on_.slots() * plan.rows_per_block) * words);
    compressed_ = CompressedWeight<Backend, Scalar>{shape};
    changes_.resize(static_cast<std::size_t>(plan.parts()));
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
    for_each_block([&](RowBlock rows) {
      const ConstView weight = effective(rows), score = scores(rows, weight);
      if (!on_.all_finite(weight) || !on_.all_finite(score))
        finite.store(false, std::memory_order_relaxed);
      else if (observed)
        selector_->observe(on_, rows, score);
    });
    return finite;
  }
  /// Writes the mask that the selector has settled on, and compresses the weight if its density is at most
  /// `compress_below`.
  void write_mask(double compress_below) {
    forget_change();
    for_each_block([&](RowBlock rows) {
      const MaskOn<Backend> next{next_mask_.data() + slot_words(rows.slot), rows.count, layout_.shape.in};
      selector_->select(on_, rows, scores(rows, effective(rows)), next);
      const MaskChange change = on_.replace_mask(next, mask_view().middle_rows(rows.first, rows.count));
      changes_[static_cast<std::size_t>(rows.part)].dropped += change.dropped;
      changes_[static_cast<std::size_t>(rows.part)].regrown += change.regrown;
    });
    mask_written(compress_below);
  }
  /// Counts and compresses after the mask changed.
  void mask_written(double compress_below) {
    compressed_in_use_ = false;  // until it is complete
    kept_ = on_.count_rows(mask(), compressed_.row_start());
    if (static_cast<double>(kept_) > compress_below * static_cast<double>(layout_.shape.size())) return;
    compressed_.reserve(kept_);
    for_each_block([&](RowBlock rows) {
      on_.compress(effective(rows), mask().middle_rows(rows.first, rows.count), rows, compressed_.view());
    });
    compressed_in_use_ = true;
  }

  // ---- one block of rows
  /// W~ of a block of rows.
  [[nodiscard]] ConstView effective(RowBlock rows) {
    return delta_->effective(on_, rows, ConstView{base_}.middle_rows(rows.first, rows.count), scratch(0, rows));
  }
  /// S of a block of rows.
  [[nodiscard]] ConstView scores(RowBlock rows, ConstView weight) {
    const MutableView out = scratch(1, rows);
    on_.fill(out, Scalar{0});
    importance_->score(on_, rows, weight, out);
    return out;
  }
  /// W' of a block of rows.
  [[nodiscard]] ConstView masked(RowBlock rows) {
    const MutableView out = scratch(0, rows);
    on_.map(out, functors::KeepOrZero{}, effective(rows), mask().middle_rows(rows.first, rows.count));
    return out;
  }
  /// Learns from G, the gradient of W' of a block of rows, which is in `gradient_block(rows)` and is used up.
  template <class StraightThrough>
  void learn(RowBlock rows, const StraightThrough& straight_through) {
    const ConstView weight = effective(rows);
    const MutableView gradient = gradient_block(rows), grad_scores = scratch(1, rows);
    on_.map(grad_scores, functors::Multiply{}, gradient, weight);
    on_.map(gradient, straight_through, gradient, mask().middle_rows(rows.first, rows.count));
    if constexpr (StraightThrough::through_scores) {
      importance_->backward(on_, rows, weight, grad_scores, gradient);
      delta_->backward(on_, rows, gradient);
    } else {  // what the score sends back comes too late to reach the weight
      delta_->backward(on_, rows, gradient);
      importance_->backward(on_, rows, weight, grad_scores, gradient);
    }
  }
  [[nodiscard]] MutableView gradient_block(RowBlock rows) { return scratch(2, rows); }
  void finish_backward() {
    delta_->finish_backward(on_);
    importance_->finish_backward(on_);
  }

  /// Calls `f(RowBlock)` for all rows, parts at the same time.
  template <class F>
  void for_each_block(F&& f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_block(part, slot, f); });
  }
  /// Calls `f(RowBlock)` for all rows in order, in the memory of one slot.
  template <class F>
  void for_each_block_in_order(index_t slot, F&& f) {
    for (index_t part = 0; part < layout_.plan.parts(); ++part) layout_.plan.for_each_block(part, slot, f);
  }

  void for_each_parameter(auto&& visit) {
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
  [[nodiscard]] CompressedView<Scalar, typename Backend::space> compressed() { return compressed_.view(); }
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
  /// Everything that is held besides the borrowed weight.
  [[nodiscard]] std::size_t bytes() const {
    if (!attached()) return 0;
    return delta_->persistent_bytes() + importance_->persistent_bytes() + scratch_.bytes() +
           (mask_.size() + next_mask_.size()) * sizeof(mask_word) + compressed_.bytes();
  }

 private:
  using Words = typename Backend::template buffer<mask_word>;
  static constexpr index_t scratch_blocks = 3;  // W~ or W', S or dS, G

  [[nodiscard]] MutableView scratch(index_t which, RowBlock rows) {
    const index_t block = rows.slot * scratch_blocks + which;
    return scratch_.view().middle_rows(block * layout_.plan.rows_per_block, rows.count);
  }
  [[nodiscard]] index_t slot_words(index_t slot) const noexcept {
    return slot * layout_.plan.rows_per_block * mask().words_per_row;
  }

  Backend on_;
  LayerLayout layout_;
  BaseView base_{};
  std::optional<typename Importance::template State<Backend, Scalar>> importance_;
  std::optional<typename Delta::template State<Backend, Scalar>> delta_;
  std::optional<SelectorState> selector_;
  Matrix<Backend, Scalar> scratch_;
  Words mask_;
  Words next_mask_;  // one block of rows for each slot
  CompressedWeight<Backend, Scalar> compressed_;
  std::vector<MaskChange> changes_;  // one for each part
  index_t kept_ = 0;
  bool compressed_in_use_ = false;
};

}  // namespace pst

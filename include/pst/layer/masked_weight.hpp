// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/concepts/backend.hpp"
#include "pst/concepts/delta.hpp"
#include "pst/concepts/importance.hpp"
#include "pst/concepts/selector.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/function_ref.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/strided_view.hpp"
#include "pst/core/terms.hpp"
#include "pst/core/tile_scratch.hpp"
#include "pst/layer/borrowed_weight.hpp"
#include "pst/layer/kept_weight.hpp"
#include "pst/layer/mask_report.hpp"

namespace pst::PST_ABI {

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
  using BaseView = StridedView<std::conditional_t<Delta::in_place, Stored, const Stored>, typename Backend::space>;
  using SelectorState = typename Selector::template State<Backend, Scalar>;
  using DeltaState = typename Delta::template State<Backend, Scalar>;
  using ImportanceState = typename Importance::template State<Backend, Scalar>;

  MaskedWeight(Shape shape, std::uint64_t seed, Backend backend)
      : on_{std::move(backend)}, layout_{on_.plan(shape, Selector::row_multiple), seed} {}

  /// Borrows `base` and, the first time, makes every state. `seed` draws the factors.
  void attach(BaseView base, std::uint64_t seed, const Importance& importance, const Delta& delta,
              const Selector& selector) {
    base_ = base;
    if (attached()) return;
    layout_.seed = seed;
    layout_.weight_is_transposed = !base.rows_are_contiguous();
    const Shape shape = layout_.shape;
    with_plain_weight([&](ConstView weight) {
      delta_.emplace(delta, on_, layout_, weight);
      importance_.emplace(importance, on_, layout_, weight);
      selector_.emplace(selector, on_, layout_, weight);
    });
    workspace_.emplace(on_, layout_);
    mask_ = Words(static_cast<std::size_t>(shape.out * mask_view().words_per_row));
    kept_ = KeptWeight<Backend, Scalar>{shape};
    changes_.resize(static_cast<std::size_t>(layout_.plan.parts()));
  }
  /// False as well when a policy refused the weight, and after a move.
  [[nodiscard]] bool attached() const noexcept { return !changes_.empty(); }
  /// Writes the first values of all trained matrices, which are zero.
  void start() {
    constexpr bool delta_starts = HasAStart<DeltaState, Backend, Scalar>;
    constexpr bool importance_starts = HasAStart<ImportanceState, Backend, Scalar>;
    if constexpr (delta_starts || importance_starts)
      with_plain_weight([&](ConstView weight) {
        if constexpr (delta_starts) delta_->start(on_, weight);
        if constexpr (importance_starts) importance_->start(on_, weight);
      });
  }
  /// What the gradients of a step begin with besides zeros.
  void add_penalty(bool scores_learn) {
    if constexpr (HasAPenalty<DeltaState, Backend>) delta_->add_penalty(on_);
    if constexpr (HasAPenalty<ImportanceState, Backend>)
      if (scores_learn) importance_->add_penalty(on_);
  }
  /// Calls `f` with every trained matrix.
  void for_each_matrix(VisitMatrix<Backend, Scalar> f) {
    delta_->for_each_parameter(f);
    importance_->for_each_parameter(f);
  }
  [[nodiscard]] DeltaState& delta() { return *delta_; }
  /// Whether the update looks at the weight when it learns.
  [[nodiscard]] bool delta_reads_weight() const {
    if constexpr (ReadsTheWeight<DeltaState, Backend, Scalar>)
      return delta_->reads_weight();
    else
      return false;
  }

  // ---- refreshing the mask
  /// While this lives W~ is that of the parameters as they are, and of what is drawn in a step, if it is for one.
  /// Without `accept` it is then what it was before.
  class Refresh {
   public:
    Refresh(MaskedWeight& weight, DrawnStep step) : weight_{weight}, drawn_before_{weight.drawn()} {
      weight_.draw(step);
      if constexpr (delta_follows) weight_.delta_->begin_refresh(weight_.on_);
      if constexpr (scores_follow) weight_.importance_->begin_refresh(weight_.on_);
      weight_.show_weight_to_delta();
    }
    Refresh(const Refresh&) = delete;
    ~Refresh() {
      if (accepted_) return;
      end(false);
      weight_.draw(drawn_before_);
    }
    void accept() {
      accepted_ = true;
      end(true);
    }

   private:
    static constexpr bool delta_follows = FollowsRefreshes<DeltaState, Backend>;
    static constexpr bool scores_follow = FollowsRefreshes<ImportanceState, Backend>;
    void end(bool accepted) {
      if constexpr (delta_follows) weight_.delta_->end_refresh(weight_.on_, accepted);
      if constexpr (scores_follow) weight_.importance_->end_refresh(weight_.on_, accepted);
    }
    MaskedWeight& weight_;
    DrawnStep drawn_before_;
    bool accepted_ = false;
  };
  /// The step whose numbers W~ is drawn from.
  [[nodiscard]] DrawnStep drawn() const {
    if constexpr (DrawsEachStep<DeltaState>)
      return delta_->drawn();
    else
      return {};
  }
  [[nodiscard]] SelectorState& selector() { return *selector_; }
  /// Shows the selector all scores once, if it wants them. False when a weight or score is NaN or Inf.
  [[nodiscard]] bool ranking_pass() {
    std::atomic<bool> finite{true};
    const bool observed = selector_->wants_pass();
    for_each_block([&](Tile tile) {
      with_scored_weight(tile, [&](const auto& weight) {
        const ConstView score = scores(tile, weight);
        bool fits = on_.all_finite(score);
        if constexpr (!scores_show_weight()) fits = fits && on_.all_finite(weight);
        if (!fits)
          finite.store(false, std::memory_order_relaxed);
        else if (observed)
          selector_->observe(on_, tile, score);
      });
    });
    return finite;
  }
  /// Writes the mask that the selector has settled on, and compresses the weight if its density is at most
  /// `compress_below`.
  void write_mask(double compress_below) {
    forget_change();
    for_each_block([&](Tile tile) {
      const MaskOn<Backend> next = workspace_->mask(tile);
      with_scored_weight(tile, [&](const auto& weight) { selector_->select(on_, tile, scores(tile, weight), next); });
      replace_mask(next, tile);
    });
    mask_written(compress_below);
  }
  /// Takes a mask as it is.
  void set_mask(ConstMaskOn<Backend> mask, double compress_below) {
    forget_change();
    for_each_block([&](Tile tile) { replace_mask(tile.rows_of(mask), tile); });
    mask_written(compress_below);
  }
  /// Counts and compresses after the mask changed.
  void mask_written(double compress_below) {
    kept_.begin(on_, mask());
    const double density = static_cast<double>(kept()) / static_cast<double>(layout_.shape.size());
    if (density > compress_below || !kept_.fits()) return;
    kept_.reserve();
    for_each_tile_of_blocks([&](Tile tile) { kept_.put(on_, effective(tile), tile.of(mask()), tile); });
    kept_.complete(on_);
  }
  /// Brings the compressed weight, if it is in use, up to date with W~; the mask stays. False when a weight is NaN or
  /// Inf.
  [[nodiscard]] bool keep_mask() {
    forget_change();
    std::atomic<bool> finite{true};
    for_each_tile_of_blocks([&](Tile tile) {
      const ConstView weight = effective(tile);
      if (!on_.all_finite(weight)) finite.store(false, std::memory_order_relaxed);
      if (kept_.in_use()) kept_.put(on_, weight, tile.of(mask()), tile);
    });
    if (kept_.in_use()) kept_.complete(on_);
    return finite;
  }

  // ---- one tile
  /// W0 of a tile: where it is, or in scratch memory.
  [[nodiscard]] ConstView attached_tile(Tile tile) {
    return detail::tile_of_attached<Scalar>(on_, StridedView<const Stored, typename Backend::space>{base_}, tile,
                                            *workspace_);
  }
  /// W~ of a tile.
  [[nodiscard]] ConstView effective(Tile tile) {
    return delta_->effective(on_, tile, attached_tile(tile), workspace_->numbers(TileUse::weight, tile));
  }
  /// S of a tile of whole rows, from W~ in memory or as a term.
  [[nodiscard]] ConstView scores(Tile tile, const auto& weight) {
    const MutableView out = workspace_->numbers(TileUse::scores, tile);
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
    const ConstView weight = effective(tile);
    if (nothing_pruned()) return weight;
    const MutableView out = workspace_->numbers(TileUse::weight, tile);
    on_.map(out, functors::KeepOrZero{}, weight, tile.of(mask()));
    return out;
  }
  /// Memory for G, the gradient of W', of a tile.
  [[nodiscard]] MutableView gradient_tile(Tile tile) { return workspace_->numbers(TileUse::gradient, tile); }
  /// Memory for the G that scores learn from, where it is another.
  [[nodiscard]] MutableView score_gradient_tile(Tile tile) { return workspace_->numbers(TileUse::scores, tile); }

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
    if (straight_through.through_scores()) {
      importance_->backward(on_, tile, weight, grad_scores, gradient);
      delta_learns(tile, gradient);
    } else {  // what the score sends back comes too late to reach the weight
      delta_learns(tile, gradient);
      importance_->backward(on_, tile, delta_reads_weight() ? effective(tile) : weight, grad_scores, gradient);
    }
  }
  /// The weight alone learns; scores rest.
  template <class StraightThrough>
  void learn_weight(Tile tile, const StraightThrough& straight_through) {
    const MutableView gradient = gradient_tile(tile);
    on_.map(gradient, straight_through, ConstView{gradient}, tile.of(mask()));
    delta_learns(tile, gradient);
  }
  /// The scores see a batch that was learnt from.
  void observe([[maybe_unused]] ConstView x, [[maybe_unused]] ConstView grad_y) {
    if constexpr (ObservesBatches<ImportanceState, Backend, Scalar>) importance_->observe(on_, x, grad_y);
  }
  /// Calls `f(name, view)` with all that scores have measured.
  void for_each_statistic([[maybe_unused]] auto&& f) {
    if constexpr (ObservesBatches<ImportanceState, Backend, Scalar>) importance_->for_each_statistic(f);
  }
  void finish_backward() {
    delta_->finish_backward(on_);
    importance_->finish_backward(on_);
  }

  /// Calls `f(Tile)` for all tiles, parts at the same time.
  void for_each_tile(TileFunction f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_tile(part, slot, f); });
  }
  /// Calls `f(Tile)` for all rows, parts at the same time.
  void for_each_block(TileFunction f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_block(part, slot, f); });
  }
  /// Calls `f(Tile)` for all blocks, cut into tiles, parts at the same time.
  void for_each_tile_of_blocks(TileFunction f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_tile_of_blocks(part, slot, f); });
  }
  /// Calls `f(Tile)` for all rows in order, in the memory of one slot.
  void for_each_block_in_order(index_t slot, TileFunction f) {
    for (index_t part = 0; part < layout_.plan.parts(); ++part) layout_.plan.for_each_block(part, slot, f);
  }

  [[nodiscard]] Backend& backend() noexcept { return on_; }
  [[nodiscard]] const LayerLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] BaseView base() const noexcept { return base_; }
  [[nodiscard]] ConstMaskOn<Backend> mask() const noexcept {
    return {mask_.data(), layout_.shape.out, layout_.shape.in};
  }
  [[nodiscard]] MaskOn<Backend> mask_view() noexcept { return {mask_.data(), layout_.shape.out, layout_.shape.in}; }
  [[nodiscard]] KeptWeight<Backend, Scalar>& kept_weight() noexcept { return kept_; }
  [[nodiscard]] bool compressed_in_use() const noexcept { return kept_.in_use(); }
  [[nodiscard]] typename Backend::template workspace<Scalar>& workspace() { return *workspace_; }
  [[nodiscard]] index_t kept() const noexcept { return kept_.count(); }
  [[nodiscard]] bool nothing_pruned() const noexcept { return kept() == layout_.shape.size(); }
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
  /// Takes what scores have measured from another layer of the same kind.
  void take_scores([[maybe_unused]] MaskedWeight& other) {
    if constexpr (FollowsRefreshes<ImportanceState, Backend>) importance_->take_refreshed(on_, *other.importance_);
  }
  /// Takes what W' consists of from another layer of the same kind whose parameters this one has already.
  void take_refreshed(MaskedWeight& other, double compress_below) {
    if constexpr (FollowsRefreshes<DeltaState, Backend>) delta_->take_refreshed(on_, *other.delta_);
    draw(other.drawn());
    set_mask(other.mask(), compress_below);
    if (kept_.in_use()) kept_.take_values(on_, other.kept_);
    forget_change();
  }
  /// Everything that is held besides the borrowed weight and the trained matrices.
  [[nodiscard]] std::size_t bytes() const {
    if (!attached()) return 0;
    return delta_->persistent_bytes() + importance_->persistent_bytes() + mask_.size() * sizeof(mask_word) +
           kept_.bytes();
  }

 private:
  static constexpr bool is_widened = !std::is_same_v<Stored, Scalar>;
  using Words = typename Backend::template buffer<mask_word>;

  /// Whether S is NaN or Inf wherever W~ is.
  [[nodiscard]] static constexpr bool scores_show_weight() {
    if constexpr (ScoresByTerms<ImportanceState, Backend, Scalar>)
      return terms::show_non_finite<decltype(std::declval<const ImportanceState&>().score_terms(Tile{}, ConstView{}))>;
    else
      return false;
  }
  /// Calls `f` with what S is computed from: W~ as a term that is never stored, where nothing but S asks for it.
  void with_scored_weight(Tile tile, auto&& f) {
    if constexpr (scores_show_weight() && !is_widened && GivesTheWeightAsATerm<DeltaState, Backend, Scalar>)
      if (base_.rows_are_contiguous()) return f(delta_->weight_term(tile, plain_base(tile)));
    f(effective(tile));
  }
  /// A tile of a weight that may be read where it is.
  [[nodiscard]] ConstView plain_base(Tile tile) const { return ConstView{tile.of(base_.contiguous())}; }
  /// Calls `f` with the whole weight as policies look at it: where it is, or a copy that is then forgotten.
  void with_plain_weight(FunctionRef<void(ConstView)> f) {
    if constexpr (!is_widened)
      if (base_.rows_are_contiguous()) return f(ConstView{base_.contiguous()});
    Matrix<Backend, Scalar> plain(layout_.shape.out, layout_.shape.in);
    on_.map(plain.view(), functors::ConvertTo<Scalar>{}, StridedView<const Stored, typename Backend::space>{base_});
    f(ConstView{plain.view()});
  }
  void draw([[maybe_unused]] DrawnStep step) {
    if constexpr (DrawsEachStep<DeltaState>) delta_->draw(step);
  }
  /// Lets an update look at every row when a refresh begins.
  void show_weight_to_delta() {
    if constexpr (ReadsTheWeight<DeltaState, Backend, Scalar>)
      if (delta_->reads_weight())
        for_each_block([&](Tile tile) {
          delta_->measure(on_, tile, attached_tile(tile), workspace_->numbers(TileUse::weight, tile));
        });
  }
  /// The update learns from the gradient of a tile of W~, which it may use up, and W~ in scratch memory with it.
  void delta_learns(Tile tile, MutableView gradient) {
    if constexpr (ReadsTheWeight<DeltaState, Backend, Scalar>)
      if (delta_->reads_weight())
        return delta_->backward(on_, tile, attached_tile(tile), workspace_->numbers(TileUse::weight, tile), gradient);
    if constexpr (LearnsFromWeightGradient<DeltaState, Backend, Scalar>) delta_->backward(on_, tile, gradient);
  }
  void replace_mask(ConstMaskOn<Backend> next, Tile tile) {
    const MaskChange change = on_.replace_mask(next, tile.rows_of(mask_view()));
    changes_[static_cast<std::size_t>(tile.part)].dropped += change.dropped;
    changes_[static_cast<std::size_t>(tile.part)].regrown += change.regrown;
  }

  Backend on_;
  LayerLayout layout_;
  BaseView base_{};
  std::optional<ImportanceState> importance_;
  std::optional<DeltaState> delta_;
  std::optional<SelectorState> selector_;
  std::optional<typename Backend::template workspace<Scalar>> workspace_;
  Words mask_;
  KeptWeight<Backend, Scalar> kept_;
  std::vector<MaskChange> changes_;  // one for each part
};

}  // namespace pst::PST_ABI

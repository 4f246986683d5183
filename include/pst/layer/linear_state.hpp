// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "pst/core/factor.hpp"
#include "pst/core/random.hpp"
#include "pst/layer/attached_weight.hpp"
#include "pst/layer/dense_products.hpp"
#include "pst/layer/low_rank_branch.hpp"
#include "pst/layer/masked_weight.hpp"
#include "pst/layer/parameter_run.hpp"
#include "pst/layer/weight_gradient.hpp"

namespace pst::PST_ABI::detail {

/// What a SparseLinear consists of, and how a step of it goes.
///
/// SparseLinear documents what an engine calls and checks what it gives; here it is done.
template <class Scalar, class Importance, class Delta, class Selector, class Bias, class Backend, class Stored,
          class Options>
struct LinearState {
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;
  using BiasView = std::conditional_t<Bias::trained, MutableView, ConstView>;
  using Weight = MaskedWeight<Scalar, Importance, Delta, Selector, Backend, Stored>;
  using Trained = TrainedMatrix<Backend, Scalar>;
  static constexpr bool is_low_rank = IsLowRank<typename Weight::DeltaState, Backend, Scalar>;
  /// What a step is to do, settled before anything changes.
  struct StepPlan {
    double progress, sparsity;
    std::uint64_t step;
    std::uint64_t index;  ///< of the step, from 0
    bool moves_mask;
  };

  Options options;
  std::string label = options.name.empty() ? "layer" : "layer " + options.name;  // in messages
  Weight weight;
  BiasView bias{};
  Trained bias_matrix{"bias", ParameterGroup::bias, 1, weight.layout().shape.out, true};
  ParameterRun<Backend, Scalar> run{};
  ScoreLearning learning{};  // of the step that was begun last
  std::uint64_t generation = 0;
  double sparsity = 0;
  bool has_mask = false;

  LinearState(Shape shape, Options options_, Backend backend)
      : options{with_checked_schedule(std::move(options_))},
        weight{positive(shape), options.seed, std::move(backend)} {}

  [[nodiscard]] Backend& on() noexcept { return weight.backend(); }
  [[nodiscard]] Shape shape() const noexcept { return weight.layout().shape; }
  [[nodiscard]] bool has_bias() const noexcept { return bias.data != nullptr; }

  void need_attached(const char* caller) const { require(weight.attached(), label, ": call attach before ", caller); }
  /// Keeps other threads out of the backend's memory while the result lives; throws Error before `attach`.
  [[nodiscard]] auto use(const char* caller) {
    need_attached(caller);
    return on().use();
  }
  /// Allocates parameters and gradients where no engine has bound any.
  void need_memory() {
    if (run.bound()) return;
    const auto in_use = on().use();
    run.allocate(each_matrix());
    weight.start();
  }
  void need_mask(const char* caller) const { require(has_mask, label, ": call begin_step or refresh before ", caller); }
  template <class V>
  void check_matrix(const char* name, V view, index_t rows, index_t cols) const {
    detail::check_matrix(label, name, view, rows, cols);
  }
  /// Throws when what a call writes lies over the weight or the bias.
  void refuse_over_lent(const char* name, MutableView output) {
    const auto refuse = [&](const char* other_name, auto other) {
      detail::refuse_overlap(label, name, output, other_name, other);
    };
    const auto base = weight.base();
    if (base.rows_are_contiguous()) refuse("the weight", base.contiguous());
    if (base.row_stride == 1 && base.col_stride >= base.rows) refuse("the weight", base.transposed().contiguous());
    if (has_bias()) refuse("the bias", bias);
  }
  /// Throws unless two runs are of the layout, in memory of their own.
  void check_runs(MutableView parameters, MutableView gradients) {
    check_run(label, "the run of parameters", parameters, run.layout().own);
    check_run(label, "the run of gradients", gradients, run.layout().size);
    detail::refuse_overlap(label, "the run of gradients", gradients, "the run of parameters", parameters);
    refuse_over_lent("the run of parameters", parameters);
    refuse_over_lent("the run of gradients", gradients);
  }
  /// Throws when what a call writes lies over something that the layer borrows.
  void refuse_overlaps(const char* name, MutableView output) {
    refuse_over_lent(name, output);
    detail::refuse_overlap(label, name, output, "the run of parameters", run.values());
    detail::refuse_overlap(label, name, output, "the run of gradients", run.gradients());
  }
  void check_grad_x(MutableView grad_x, ConstView x, ConstView grad_y) {
    check_matrix("grad_x", grad_x, x.rows, shape().in);
    detail::refuse_overlap(label, "grad_x", grad_x, "x", x);
    detail::refuse_overlap(label, "grad_x", grad_x, "grad_y", grad_y);
    refuse_overlaps("grad_x", grad_x);
  }
  void refuse_non_finite(std::string_view name, ConstView view, index_t first_row = 0) {
    detail::refuse_non_finite(on(), label, name, view, first_row);
  }

  // ---- trained matrices
  /// Calls `f` with every trained matrix, those in place last.
  void for_each_matrix(VisitMatrix<Backend, Scalar> f) {
    for (const bool in_place : {false, true})
      weight.for_each_matrix([&](Trained& matrix) {
        if (matrix.in_place() == in_place) f(matrix);
      });
    if constexpr (Bias::trained)
      if (has_bias()) f(bias_matrix);
  }
  /// The same, as `run` is shown the matrices.
  [[nodiscard]] auto each_matrix() {
    return [this](VisitMatrix<Backend, Scalar> f) { for_each_matrix(f); };
  }
  /// Shows a matrix that trains in place where its values are.
  void bind_in_place(Trained& matrix) {
    if constexpr (Bias::trained)
      if (&matrix == &bias_matrix) return matrix.bind_value(bias);
    if constexpr (Delta::in_place) {
      const auto base = weight.base();
      matrix.bind_value(weight.layout().weight_is_transposed ? base.transposed().contiguous() : base.contiguous());
    }
  }
  void begin_memory(BoundRun holds) {
    if (holds == BoundRun::nothing) {
      if (!run.values().empty()) on().fill(run.values(), Scalar{0});
      weight.start();
    }
    if (!run.gradients().empty()) on().fill(run.gradients(), Scalar{0});
  }
  /// Takes everything from a layer that borrows the same weight.
  void take(LinearState& other) {
    need_memory();
    require(run.layout().own == other.run.layout().own && run.layout().size == other.run.layout().size, label,
            ": a clone has chosen other ranks, for the weight has changed since the first attach; expected the same");
    run.copy(on(), other.run.values(), run.values());
    run.copy(on(), other.run.gradients(), run.gradients());
    learning = other.learning, sparsity = other.sparsity, has_mask = other.has_mask;
    generation = other.generation;
    weight.take_scores(other.weight);
    if (!has_mask) return;
    weight.take_refreshed(other.weight, options.dense_above_density);
    prepare_learning();
  }

  // ---- refreshing
  [[nodiscard]] double checked_sparsity(double step, double steps) const {
    const double asked = options.schedule.sparsity_at(step, steps);
    require(asked >= 0 && asked < 1, label, ": the schedule gives sparsity ", asked, " at step ", step, " of ", steps,
            ", expected a number in [0, 1)");
    return asked;
  }
  [[nodiscard]] StepPlan plan_step(index_t step, index_t steps) const {
    const auto now = static_cast<double>(step), all = static_cast<double>(steps);
    check_step(label, now, all);
    const auto index = static_cast<std::uint64_t>(std::max<index_t>(step, 1) - 1);
    return {now / all, checked_sparsity(now, all), static_cast<std::uint64_t>(step), index,
            !has_mask || (!chooses_once(options.selector) && options.refresh.refreshes(now / all, index))};
  }
  /// Whether a refresh outside of a step moves the mask.
  [[nodiscard]] bool moves_between_steps(double progress) const {
    return !has_mask || (!chooses_once(options.selector) && options.refresh.moves_between_steps(progress));
  }
  /// The mask moves to a sparsity, or stays; W' is that of the parameters as they are, and of a step's draw.
  void refresh_to(double asked, bool moves_mask, DrawnStep step) {
    typename Weight::Refresh now{weight, step};
    if (!moves_mask) return keep_mask(now);
    rank(asked);
    move_mask(now, asked);
  }
  /// Has the selector settle on the weights that a sparsity prunes. Nothing has changed when a score is refused.
  void rank(double asked) {
    weight.selector().begin(on(), asked);
    do {
      ranking_pass();
      if (weight.selector().wants_pass()) weight.selector().end_pass(on());
    } while (weight.selector().wants_pass());
  }
  void ranking_pass() {
    if (!weight.ranking_pass()) name_non_finite();
  }
  /// Throws an Error that names the first NaN or Inf.
  void name_non_finite() {
    check_parameters();
    weight.for_each_block_in_order(0, [&](Tile tile) {
      const ConstView effective = weight.effective(tile);
      refuse_non_finite("the effective weight", effective, tile.row);
      refuse_non_finite("the importance score", weight.scores(tile, effective), tile.row);
    });
    fail(label, ": the weight it is attached to holds NaN or Inf");
  }
  void check_parameters() {
    for_each_matrix([&](const Trained& matrix) { refuse_non_finite(matrix.name(), matrix.value()); });
  }
  /// The selector has settled.
  void move_mask(typename Weight::Refresh& now, double asked) {
    now.accept();
    weight.write_mask(options.dense_above_density);
    mask_is_new(asked);
  }
  [[nodiscard]] double pruned_share() const {
    return 1 - static_cast<double>(weight.kept()) / static_cast<double>(shape().size());
  }
  void mask_is_new(double asked) {
    if (!has_mask) weight.forget_change();
    sparsity = chooses_once(options.selector) ? pruned_share() : asked;
    has_mask = true;
    prepare_learning();
    ++generation;
  }
  /// The mask stays. NaN in a parameter is refused before anything changes; only where finite ones overflow is there no
  /// weight left to multiply with.
  void keep_mask(typename Weight::Refresh& now) {
    check_parameters();
    now.accept();
    ++generation;
    if (weight.keep_mask()) return;
    has_mask = false;
    name_non_finite();
  }
  /// Nothing can be refused any more: the step counts.
  void enter(const StepPlan& plan) {
    learning = options.score_gradient.at(plan.progress, plan.index, options.seed);
    zero_gradients();
    prepare_learning();
  }

  // ---- learning
  void zero_gradients() {
    if (const MutableView all = run.gradients(); !all.empty()) on().fill(all, Scalar{0});
    weight.add_penalty(learning.learns);
  }
  /// What this step needs of the gradient of W'.
  [[nodiscard]] NeededGradient needed() {
    const auto& rule = options.straight_through;
    const bool scores_learn = learning.learns && (Importance::learns || (Delta::learns && rule.through_scores()));
    return needed_gradient(weight, Delta::learns, scores_learn, has_branch(), rule.passes(), learning);
  }
  /// Whether gradients of the update can be formed beside the weight.
  [[nodiscard]] bool has_branch() {
    if constexpr (is_low_rank)
      return !weight.delta_reads_weight() && weight.delta().left().cols <= weight.layout().plan.tile_size();
    else
      return false;
  }
  void prepare_learning() {
    if (needed() == NeededGradient::kept) weight.kept_weight().reserve_gradient();
  }
  /// Throws, before anything changes, when a batch is not finite.
  void refuse_batch(ConstView x, ConstView grad_y) {
    if (gradient_is_finite(weight, x, grad_y, static_cast<double>(learning.token_stride))) return;
    refuse_non_finite("x", x);
    refuse_non_finite("grad_y", grad_y);
    fail(label, ": grad_y^T x overflows; lower the scale of the loss");
  }
  /// Whether the update runs beside its weight: nothing is pruned, and nobody reads W~ or a tile of G.
  [[nodiscard]] bool runs_beside() { return weight.nothing_pruned() && needed() == NeededGradient::activations; }
  /// y = x W'^T + b
  void multiply(ConstView x, MutableView y) {
    if (weight.compressed_in_use())
      return on().compressed_product(weight.kept_weight().by_rows(), x, ConstView{bias}, y, weight.workspace());
    if constexpr (is_low_rank)
      if (runs_beside()) {
        dense_forward(
            weight, [&](Tile tile) { return weight.attached_tile(tile); }, x, ConstView{bias}, y);
        return add_branch_forward(weight, x, y);
      }
    dense_forward(
        weight, [&](Tile tile) { return weight.masked(tile); }, x, ConstView{bias}, y);
  }
  /// grad_x = grad_y W'
  void multiply_back(ConstView grad_y, MutableView grad_x) {
    if (weight.compressed_in_use())
      return on().compressed_product(weight.kept_weight().by_columns(), grad_y, ConstView{}, grad_x,
                                     weight.workspace());
    if constexpr (is_low_rank)
      if (runs_beside()) {
        dense_grad_x(
            weight, [&](Tile tile) { return weight.attached_tile(tile); }, grad_y, grad_x);
        return add_branch_grad_x(weight, grad_y, grad_x);
      }
    dense_grad_x(
        weight, [&](Tile tile) { return weight.masked(tile); }, grad_y, grad_x);
  }
  /// Adds what x and grad_y teach to the gradients.
  void learn(ConstView x, ConstView grad_y) {
    using Needed = NeededGradient;
    const auto& rule = options.straight_through;
    const Needed need = needed();
    ScoreLearning scores = learning;
    scores.learns = scores.learns && (Importance::learns || rule.through_scores());
    if (need == Needed::everywhere) learn_everywhere(weight, rule, scores, x, grad_y);
    if (need == Needed::kept) learn_where_kept(weight, rule, scores, x, grad_y);
    if (need == Needed::sampled) learn_from_sample(weight, rule, scores, x, grad_y);
    if constexpr (is_low_rank)
      if (need == Needed::activations) learn_from_activations(weight, x, grad_y);
    if (need != Needed::none && need != Needed::activations) weight.finish_backward();
    if constexpr (Bias::trained)
      if (has_bias()) add_bias_gradient(on(), weight.layout().plan, grad_y, bias_matrix.grad());
    if (!chooses_once(options.selector)) weight.observe(x, grad_y);
  }
};

}  // namespace pst::PST_ABI::detail

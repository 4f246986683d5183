// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/bias/frozen_bias.hpp"
#include "pst/concepts/backend.hpp"
#include "pst/concepts/delta.hpp"
#include "pst/concepts/importance.hpp"
#include "pst/concepts/rank.hpp"
#include "pst/concepts/refresh.hpp"
#include "pst/concepts/scalar.hpp"
#include "pst/concepts/schedule.hpp"
#include "pst/concepts/score_gradient.hpp"
#include "pst/concepts/selector.hpp"
#include "pst/concepts/storage.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/random.hpp"
#include "pst/core/strided_view.hpp"
#include "pst/core/tensor.hpp"
#include "pst/core/tensor_bytes.hpp"
#include "pst/delta/low_rank.hpp"
#include "pst/importance/pst_metric.hpp"
#include "pst/layer/linear_state.hpp"
#include "pst/layer/mask_report.hpp"
#include "pst/layer/training_state.hpp"
#include "pst/layer/with_policy.hpp"
#include "pst/refresh/refresh_every_step.hpp"
#include "pst/schedule/cubic_schedule.hpp"
#include "pst/score_gradient/score_every_step.hpp"
#include "pst/selector/top_k.hpp"
#include "pst/serve/sparse_export.hpp"
#include "pst/storage/stored_as_scalar.hpp"
#include "pst/straight_through/reference_gradient.hpp"

/// @defgroup layer The layer
/// SparseLinear composes the policies; everything an engine calls is here.
namespace pst::PST_ABI {

namespace detail {
template <class L>
class Together;
}

/// A linear layer y = x W'^T + b that is fine-tuned and made sparse at the same time.
///
/// The weight the layer multiplies with is W' = M .* W~, where W~ = delta(W0) and the mask M prunes the lowest
/// importance scores S(W~). Nine policies and a backend compose it; with none given it is PST as published
/// (Li et al., IJCAI 2022). The weight and the bias stay with the caller, and so do activations: `backward` is given
/// `x` again. Nothing of the weight's size is stored but one bit per weight and the kept weights, unless a policy is
/// dense by definition (Movement, SoftMovement, Full, Gated).
///
/// Besides, a layer has scratch memory for each thread, which `report().scratch_bytes` counts: in small layers it is
/// more than the weight. W' follows the parameters when `begin_step` or `refresh` is called, and not before.
///
/// Results have the same bits for any number of threads. One layer must not be called by two threads at once.
/// @ingroup layer
template <FloatOrDouble Scalar = float, class Importance = Pst, class Delta = LowRank<>, class Selector = TopK,
          class Schedule = CubicSchedule, class StraightThrough = ReferenceGradient, class Bias = FrozenBias,
          class Backend = EigenCpu, class ScoreGradient = ScoreEveryStep, class Refresh = RefreshEveryStep,
          class Storage = StoredAsScalar>
requires BackendFor<Backend, Scalar> && ImportanceMetric<Importance, Backend, Scalar> &&
    WeightDelta<Delta, Backend, Scalar> && MaskSelector<Selector, Backend, Scalar> && SparsitySchedule<Schedule> &&
    StraightThroughRule<StraightThrough> && BiasPolicy<Bias> && ScoreGradientPolicy<ScoreGradient> &&
    RefreshPolicy<Refresh> && StoragePolicy<Storage> && TrainsWhatItStores<Delta, Storage, Scalar>
class SparseLinear {
 public:
  /// The same layer with one policy replaced: `SparseLinear<>::with<Movement>::with<Full>::with<double>`. The slot is
  /// found by the policy's role; a rank or a start replaces that of all factors.
  template <class P>
  requires ReplacesAPolicy<P, Importance, Delta, Selector, Schedule, StraightThrough, Bias, Backend, ScoreGradient,
                           Refresh, Storage>
  using with =
      SparseLinear<std::conditional_t<FloatOrDouble<P>, P, Scalar>, detail::swap_in<P, Importance>,
                   detail::swap_in<P, Delta>, detail::swap_in<P, Selector>, detail::swap_in<P, Schedule>,
                   detail::swap_in<P, StraightThrough>, detail::swap_in<P, Bias>, detail::swap_in<P, Backend>,
                   detail::swap_in<P, ScoreGradient>, detail::swap_in<P, Refresh>, detail::swap_in<P, Storage>>;

  using scalar = Scalar;
  using stored = typename Storage::template number<Scalar>;  ///< what the attached weight consists of
  using backend = Backend;
  using selector_state = typename Selector::template State<Backend, Scalar>;
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;
  /// The attached weight, to which a MatrixView converts: mutable if it is trained in place.
  using WeightView = StridedView<std::conditional_t<Delta::in_place, Scalar, const stored>, typename Backend::space>;
  /// The attached bias, 1 x out: mutable if it is trained.
  using BiasView = std::conditional_t<Bias::trained, MutableView, ConstView>;

  /// The options of every policy, and of the layer.
  struct Options {
    Importance importance{};
    Delta delta{};
    Selector selector{};
    Schedule schedule{};
    StraightThrough straight_through{};
    ScoreGradient score_gradient{};
    Refresh refresh{};
    std::uint64_t seed = 1;  ///< of the factors, with the layer's name or, where it has none, with its weight
    std::string name{};      ///< stands in error messages and reports, and in front of the names of parameters
    /// Above this density dense products are faster than sparse ones, and are used.
    double dense_above_density = 0.25;
  };

  /// A layer of the given shape. Throws Error when a side is not positive or the schedule ends outside of [0, 1).
  explicit SparseLinear(Shape shape, Options options = {}, Backend on = {})
      : state_{shape, std::move(options), std::move(on)} {}

  SparseLinear(SparseLinear&&) = default;
  SparseLinear& operator=(SparseLinear&&) = default;
  SparseLinear(const SparseLinear&) = delete;  ///< two layers would train the same memory; see `clone`

  // ---- what is borrowed
  /// Borrows a weight (out x in) and, if there is one, a bias (1 x out), both of which must outlive the layer or the
  /// next `attach`. The weight's rows or its columns may be the contiguous ones (StridedView). Ranks that come from the
  /// weight are chosen; parameters have no memory yet. A second call only moves the layer to where the same weight
  /// lives now, and keeps what was learnt. Throws Error on wrong shapes, and on NaN or Inf.
  void attach(WeightView weight, BiasView bias = {}) {
    const auto in_use = state_.on().use();
    const auto [in, out] = shape();
    detail::check_weight(state_.label, weight, out, in, Delta::in_place);
    if (bias.data != nullptr) state_.check_matrix("the bias", bias, 1, out);
    detail::refuse_non_finite(state_.on(), state_.label, "the weight",
                              StridedView<const stored, typename Backend::space>{weight});
    if (bias.data != nullptr) state_.refuse_non_finite("the bias", bias);
    const bool again = state_.weight.attached();
    if (again)
      detail::check_attached_again(state_.label, weight, state_.weight.base(), bias.data != nullptr, state_.has_bias());
    state_.bias = bias.data == nullptr ? BiasView{} : bias;
    const std::uint64_t seed = state_.options.name.empty()
                                   ? detail::seed_of_weight(state_.on(), state_.options.seed, weight)
                                   : derive_seed(state_.options.seed, std::string_view{state_.options.name});
    state_.weight.attach(weight, seed, state_.options.importance, state_.options.delta, state_.options.selector);
    state_.for_each_matrix([&](TrainedMatrix<Backend, Scalar>& matrix) {
      if (matrix.in_place()) state_.bind_in_place(matrix);
    });
    if (!again) state_.run.plan(state_.options.name, state_.each_matrix());
  }
  /// Where the trained matrices stand in a run of parameters and one of gradients: known before there is memory.
  [[nodiscard]] const ParameterLayout& layout() const {
    state_.need_attached("layout");
    return state_.run.layout();
  }
  /// Borrows memory for parameters (1 x layout().own) and gradients (1 x layout().size), which must outlive the layer
  /// or the next `bind`. The first call writes the start values and zero gradients there, or moves there what was
  /// learnt in the layer's own memory; where `holds` says that values are there already, it writes zero gradients
  /// alone. A later one only moves the layer to where the same numbers live now. Without `bind` the layer allocates
  /// when memory is needed.
  void bind(MutableView parameters, MutableView gradients, BoundRun holds = BoundRun::nothing) {
    const auto in_use = state_.use("bind");
    state_.check_runs(parameters, gradients);
    const auto each = state_.each_matrix();
    if (state_.run.owned() && holds == BoundRun::nothing)
      return state_.run.move_to(state_.on(), parameters, gradients, each);
    const bool first = !state_.run.bound() || state_.run.owned();
    state_.run.bind(parameters, gradients, each);
    if (first) state_.begin_memory(holds);
  }

  // ---- a step
  /// Sets all gradients to what a step begins with: zero, or the gradient of a penalty.
  void zero_gradients() {
    const auto in_use = state_.use("zero_gradients");
    state_.need_memory();
    state_.zero_gradients();
  }
  /// Brings the mask and W' up to date with the parameters, at a progress of 0 to 1: call it before an evaluation in
  /// the middle of training. Nothing is counted, no gradient is touched, and doing it twice is doing it once. The mask
  /// moves where no later step would see a difference: with RefreshEveryStep, and where there is none yet. Throws
  /// Error as `begin_step` does.
  void refresh(double progress) {
    const auto in_use = state_.use("refresh");
    state_.need_memory();
    detail::check_progress(state_.label, progress);
    const double sparsity = state_.checked_sparsity(progress, 1.0);
    state_.refresh_to(sparsity, state_.moves_between_steps(progress), {});
  }
  /// Begins a step of training, the `step`-th of `steps` (from 1; 0 is the state before the first): the mask moves
  /// where the refresh policy says so, W' is brought up to date, and gradients are set to zero. Policies of every k-th
  /// step count by `step`. Throws Error, having changed nothing, when a parameter, or a score or weight that is ranked,
  /// is NaN or Inf; where the mask stays and W~ itself is not finite, no W' is left until a refresh succeeds. A
  /// progress is no step, and does not compile; `refresh` takes one.
  template <std::integral Step, std::integral Steps>
  void begin_step(Step step, Steps steps) {
    const auto in_use = state_.use("begin_step");
    state_.need_memory();
    const auto plan = state_.plan_step(static_cast<index_t>(step), static_cast<index_t>(steps));
    state_.refresh_to(plan.sparsity, plan.moves_mask, plan.step);
    state_.enter(plan);
  }

  /// y = x W'^T + b for n tokens: x is n x in, y is n x out, and does not overlap x. Allocates nothing.
  /// W' is that of the last `refresh` or `begin_step`.
  void forward(ConstView x, MutableView y) {
    const auto in_use = state_.use("forward");
    state_.need_mask("forward");
    state_.check_matrix("x", x, x.rows, shape().in);
    state_.check_matrix("y", y, x.rows, shape().out);
    detail::refuse_overlap(state_.label, "y", y, "x", x);
    state_.refuse_overlaps("y", y);
    state_.multiply(x, y);
  }

  /// Adds to the gradients of all parameters, or overwrites them, and writes grad_x = grad_y W' unless `grad_x` is
  /// empty. `x` (n x in) is what `forward` was given, grad_y is n x out. May be called many times in a step.
  /// Throws Error when x or grad_y hold NaN or Inf, or their product overflows: gradients and grad_x are then as they
  /// were. No output may overlap an input. Allocates nothing.
  void backward(ConstView x, ConstView grad_y, MutableView grad_x = {}, Gradients write = Gradients::add) {
    const auto in_use = state_.use("backward");
    state_.need_mask("backward");
    state_.check_matrix("x", x, x.rows, shape().in);
    state_.check_matrix("grad_y", grad_y, x.rows, shape().out);
    if (grad_x.data != nullptr) state_.check_grad_x(grad_x, x, grad_y);
    state_.refuse_batch(x, grad_y);
    if (write == Gradients::overwrite) state_.zero_gradients();
    state_.learn(x, grad_y);
    if (grad_x.data != nullptr) state_.multiply_back(grad_y, grad_x);
  }

  /// Calls `visit(Parameter<Scalar, space>)` for every trained matrix, in the order of the layout.
  void for_each_parameter(auto&& visit) {
    state_.need_attached("for_each_parameter");
    state_.need_memory();
    std::size_t i = 0;
    state_.for_each_matrix([&](const TrainedMatrix<Backend, Scalar>& matrix) {
      visit(Parameter<Scalar, typename Backend::space>{state_.run.layout().entries[i++].name, matrix.group(),
                                                       matrix.value(), matrix.grad()});
    });
  }

  /// Calls `visit(std::string_view name, view)` for what scores have measured of batches (Wanda; most measure nothing).
  /// Ranks of a data-parallel run average it, as they do gradients, before a step begins: their masks then agree.
  void for_each_statistic(auto&& visit) {
    state_.need_attached("for_each_statistic");
    state_.weight.for_each_statistic(visit);
  }

  // ---- what there is to see
  /// The sparsity that the schedule asked for when the mask moved last; where the selector chooses once, that of the
  /// mask.
  [[nodiscard]] double sparsity() const noexcept { return state_.sparsity; }
  /// How many weights the mask keeps; all of them before the first mask.
  [[nodiscard]] index_t kept() const noexcept { return state_.has_mask ? state_.weight.kept() : shape().size(); }
  [[nodiscard]] Shape shape() const noexcept { return state_.shape(); }
  [[nodiscard]] const Options& options() const noexcept { return state_.options; }
  /// The mask, one bit per weight.
  [[nodiscard]] ConstMaskOn<Backend> mask() const noexcept { return state_.weight.mask(); }
  /// Another number whenever a call of the layer may have changed W', so that a backward that comes too late can be
  /// told.
  [[nodiscard]] std::uint64_t generation() const noexcept { return state_.generation; }
  /// Takes a mask (out x in) from elsewhere; a refresh policy that moves the mask replaces it.
  void set_mask(ConstMaskOn<Backend> mask) {
    const auto in_use = state_.use("set_mask");
    state_.need_memory();
    state_.check_parameters();
    detail::check_given_mask(state_.on(), state_.label, mask, shape());
    typename State::Weight::Refresh now{state_.weight, state_.weight.drawn()};
    now.accept();
    state_.weight.set_mask(mask, state_.options.dense_above_density);
    state_.mask_is_new(state_.pruned_share());
  }
  /// What the mask looks like, and what the layer costs; before the first mask everything is kept.
  [[nodiscard]] MaskReport report() {
    const auto in_use = state_.use("report");
    MaskReport out;
    out.name = state_.options.name, out.shape = shape(), out.target_sparsity = state_.sparsity, out.kept = kept();
    const MaskChange change = state_.weight.change();
    out.dropped = change.dropped, out.regrown = change.regrown;
    if (state_.has_mask) {
      const std::vector<mask_word> words = mask_words().template values<mask_word>();
      count_kept(MaskView<const mask_word>{words.data(), shape().out, shape().in}, out);
    } else {
      out.kept_per_row.assign(static_cast<std::size_t>(shape().out), shape().in);
      out.kept_per_column.assign(static_cast<std::size_t>(shape().in), shape().out);
    }
    out.dense_bytes = static_cast<std::size_t>(shape().size()) * sizeof(stored);
    out.compressed_bytes = static_cast<std::size_t>(out.kept) * sizeof(Scalar) +
                           static_cast<std::size_t>(shape().out * ((shape().in + 7) / 8));
    out.training_bytes = state_.weight.bytes() + state_.run.bytes();
    out.scratch_bytes = state_.weight.workspace().bytes();
    out.trainable = state_.run.layout().size;
    return out;
  }

  // ---- what goes out
  /// Writes W' (out x in), that of the last refresh or step: exactly +0 where pruned.
  void export_masked(MutableView out) {
    const auto in_use = state_.use("export_masked");
    state_.need_mask("export_masked");
    state_.check_matrix("the exported weight", out, shape().out, shape().in);
    state_.refuse_overlaps("the exported weight", out);
    state_.weight.for_each_tile(
        [&](Tile tile) { state_.on().map(tile.of(out), functors::Identity{}, state_.weight.masked(tile)); });
  }
  /// The kept weights that are not zero, as compressed sparse rows.
  [[nodiscard]] CsrMatrix<Scalar> export_csr() {
    const std::vector<Scalar> dense = masked_on_host();
    return to_csr(shape().out, shape().in, std::span<const Scalar>{dense});
  }
  /// The kept weights that are not zero, as a bit mask and values.
  [[nodiscard]] BitmaskMatrix<Scalar> export_bitmask() {
    const std::vector<Scalar> dense = masked_on_host();
    return to_bitmask(shape().out, shape().in, std::span<const Scalar>{dense});
  }
  /// A layer that borrows the same weight and bias and has all else of its own: parameters, gradients, mask and W' are
  /// the same bits. `on` is its backend; copies of one EigenCpu share scratch memory.
  [[nodiscard]] SparseLinear clone(Backend on) {
    SparseLinear copy{shape(), state_.options, std::move(on)};
    const auto mine = state_.on().use();
    const auto its = copy.state_.on().use();
    if (!state_.weight.attached()) return copy;
    copy.attach(state_.weight.base(), state_.bias);
    if (state_.run.bound()) copy.state_.take(state_);
    return copy;
  }
  [[nodiscard]] SparseLinear clone() { return clone(state_.on()); }

  /// Everything that training has changed: parameters, mask and sparsity. Gradients are not part of it: save between a
  /// step of the optimizer and the next `begin_step`. Names are without that of the layer.
  [[nodiscard]] TensorList save() {
    const auto in_use = state_.use("save");
    state_.need_memory();
    TensorList list = detail::numbers_to_tensors(*this, state_.on());
    list.push_back(mask_words());
    list.push_back(detail::shape_tensor(shape()));
    list.push_back(
        Tensor::from<double>("sparsity", {1}, std::vector<double>{state_.has_mask ? state_.sparsity : -1.0}));
    return list;
  }
  /// Throws Error when a state is not one that `restore` takes: a tensor is missing or not of this layer, has another
  /// shape or type, or holds NaN or Inf.
  void check_state(const TensorList& state) {
    const auto in_use = state_.use("check_state");
    check_state_in_use(state);
  }
  /// Puts back what `save` gave, bit for bit. Throws Error, having changed nothing, on what `check_state` refuses.
  void restore(const TensorList& state) {
    const auto in_use = state_.use("restore");
    check_state_in_use(state);
    const auto sparsity = saved_sparsity(state);

    detail::put_numbers(*this, state_.on(), state);
    detail::put_tensor(state_.on(), find(state, "mask"), word_view());
    typename State::Weight::Refresh now{state_.weight, {}};
    now.accept();
    state_.has_mask = sparsity >= 0;
    if (state_.has_mask) state_.weight.mask_written(state_.options.dense_above_density);
    state_.weight.forget_change();
    state_.sparsity = state_.has_mask ? sparsity : 0.0;
    state_.learning = {};
    if (state_.has_mask) state_.prepare_learning();
    state_.zero_gradients();
    ++state_.generation;
  }
  /// `save` as one run of bytes (core/tensor_bytes.hpp), for checkpoints that an engine writes itself.
  [[nodiscard]] std::vector<std::byte> save_bytes() { return to_bytes(save()); }
  /// `restore` from what `save_bytes` gave; bytes that are not that are refused.
  void restore_bytes(std::span<const std::byte> bytes) { restore(from_bytes(bytes)); }

 private:
  using State = detail::LinearState<Scalar, Importance, Delta, Selector, Bias, Backend, stored, Options>;
  template <class L>
  friend class detail::Together;

  [[nodiscard]] double saved_sparsity(const TensorList& state) const {
    return detail::number_of<double>(state, "sparsity", state_.label, -1.0, 1.0);
  }
  void check_state_in_use(const TensorList& state) {
    state_.need_memory();
    detail::check_numbers_of(*this, state_.label, state, {"mask", "shape", "sparsity"});
    detail::check_shape(state, state_.label, shape());
    static_cast<void>(saved_sparsity(state));
    detail::check_mask(detail::tensor_of(state, "mask", state_.label), state_.label, word_view(), shape().in);
  }
  [[nodiscard]] std::vector<Scalar> masked_on_host() {
    Matrix<Backend, Scalar> dense(shape().out, shape().in);
    export_masked(dense.view());
    std::vector<Scalar> host(static_cast<std::size_t>(shape().size()));
    state_.on().copy_out(ConstView{dense.view()}, MatrixView<Scalar>{host.data(), shape().out, shape().in});
    return host;
  }
  [[nodiscard]] ViewOn<Backend, mask_word> word_view() {
    const MaskOn<Backend> mask = state_.weight.mask_view();
    return {mask.words, mask.rows, mask.words_per_row};
  }
  [[nodiscard]] Tensor mask_words() { return detail::to_tensor(state_.on(), "mask", word_view()); }

  State state_;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

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
#include "pst/core/random.hpp"
#include "pst/core/tensor.hpp"
#include "pst/delta/low_rank.hpp"
#include "pst/importance/pst_metric.hpp"
#include "pst/layer/checks.hpp"
#include "pst/layer/dense_products.hpp"
#include "pst/layer/mask_report.hpp"
#include "pst/layer/masked_weight.hpp"
#include "pst/layer/sparse_export.hpp"
#include "pst/layer/training_state.hpp"
#include "pst/layer/weight_gradient.hpp"
#include "pst/layer/with_policy.hpp"
#include "pst/refresh/refresh_every_step.hpp"
#include "pst/schedule/cubic_schedule.hpp"
#include "pst/score_gradient/score_every_step.hpp"
#include "pst/selector/top_k.hpp"
#include "pst/storage/stored_as_scalar.hpp"
#include "pst/straight_through/reference_gradient.hpp"

/// @defgroup layer The layer
/// SparseLinear composes the policies; everything an engine calls is here.
namespace pst {

struct EigenCpu;

template <class L>
void begin_step_together(std::span<L* const> layers, double step, double steps = 1.0);

/// A linear layer y = x W'^T + b that is fine-tuned and made sparse at the same time.
///
/// The weight the layer multiplies with is W' = M .* W~, where W~ = delta(W0) and the mask M prunes the lowest
/// importance scores S(W~). Nine policies and a backend compose it; with none given it is PST as published
/// (Li et al., IJCAI 2022). The weight and the bias stay with the caller, and so do activations: `backward` is given
/// `x` again. Nothing of the weight's size is stored but one bit per weight and the kept weights, unless a policy is
/// dense by definition (Movement, SoftMovement, Full).
///
/// Besides, a layer has scratch memory for each thread, which `report().scratch_bytes` counts: in small layers it is
/// more than the weight. Call `begin_step` after every change of the parameters.
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
  /// found by the policy's role; a rank policy replaces the rank of all factors.
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
  /// The attached weight: mutable if it is trained in place.
  using WeightView = ViewOn<Backend, std::conditional_t<Delta::in_place, Scalar, const stored>>;
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
    std::uint64_t seed = 1;  ///< of the factors; layers of one seed, name and shape start alike
    std::string name{};      ///< stands in error messages and reports
    /// Above this density dense products are faster than sparse ones, and are used.
    double dense_above_density = 0.25;
  };

  /// A layer of the given shape. Throws Error when a side is not positive or the schedule ends outside of [0, 1).
  explicit SparseLinear(Shape shape, Options options = {}, Backend on = {})
      : options_{detail::with_checked_schedule(std::move(options))},
        weight_{detail::positive(shape), derive_seed(options_.seed, std::string_view{options_.name}), std::move(on)} {}

  SparseLinear(SparseLinear&&) = default;
  SparseLinear& operator=(SparseLinear&&) = default;
  SparseLinear(const SparseLinear&) = delete;  ///< two layers would train the same memory

  /// Borrows a weight (out x in) and, if there is one, a bias (1 x out), both of which must outlive the layer or the
  /// next `attach`. Allocates everything. A second call only moves the layer to where the same weight lives now, and
  /// keeps what was learnt. Throws Error on wrong shapes, and on NaN or Inf.
  void attach(WeightView weight, BiasView bias = {}) {
    const auto [in, out] = shape();
    check_matrix("the weight", weight, out, in);
    if (bias.data != nullptr) check_matrix("the bias", bias, 1, out);
    detail::refuse_non_finite(on(), label(), "the weight", ViewOn<Backend, const stored>{weight});
    if (bias.data != nullptr) refuse_non_finite("the bias", bias);
    if (weight_.attached()) {
      require((bias.data == nullptr) == (bias_.data == nullptr), label(), ": attach was called before ",
              bias_.data == nullptr ? "without" : "with", " a bias, expected the same now");
    } else if constexpr (Bias::trained) {
      bias_grad_ = Matrix<Backend, Scalar>(1, out);
    }
    bias_ = bias.data == nullptr ? BiasView{} : bias;
    weight_.attach(weight, options_.importance, options_.delta, options_.selector);
    trainable_ = 0;
    for_each_parameter([&](const auto& parameter) { trainable_ += parameter.value.size(); });
  }

  /// Moves to a point of the run, `step` of `steps` or a progress of 0 to 1: sparsity, scores, mask and compressed
  /// weight are refreshed, gradients are set to zero. Throws Error, with the old mask in place, when a score or a
  /// weight is NaN or Inf.
  void begin_step(double step, double steps = 1.0) {
    const double sparsity = start_step(step, steps);
    if (has_mask_ && !wants_refresh()) return keep_mask();
    weight_.selector().begin(on(), sparsity);
    do {
      ranking_pass();
      if (weight_.selector().wants_pass()) weight_.selector().end_pass(on());
    } while (weight_.selector().wants_pass());
    finish_step(sparsity);
  }

  /// y = x W'^T + b for n tokens: x is n x in, y is n x out, and does not overlap x. Allocates nothing.
  /// W' is that of the last `begin_step`: call it again after parameters have changed, before an evaluation too.
  void forward(ConstView x, MutableView y) {
    need_mask("forward");
    check_matrix("x", x, x.rows, shape().in);
    check_matrix("y", y, x.rows, shape().out);
    if (weight_.compressed_in_use())
      on().compressed_product(weight_.by_rows(), x, ConstView{bias_}, y, weight_.workspace());
    else
      detail::dense_forward(weight_, x, ConstView{bias_}, y);
  }

  /// Adds to the gradients of all parameters, and writes grad_x = grad_y W' unless `grad_x` is empty. `x` (n x in) is
  /// what `forward` was given, grad_y is n x out. May be called many times between two `begin_step`s: gradients add up.
  /// Throws Error when x or grad_y hold NaN or Inf; the gradients are then as `begin_step` leaves them, and grad_x
  /// is untouched. No output may overlap an input.
  /// Allocates nothing.
  void backward(ConstView x, ConstView grad_y, MutableView grad_x = {}) {
    need_mask("backward");
    check_matrix("x", x, x.rows, shape().in);
    check_matrix("grad_y", grad_y, x.rows, shape().out);
    if (grad_x.data != nullptr) check_matrix("grad_x", grad_x, x.rows, shape().in);
    if (trainable_ == 0) refuse_non_finite("x", x), refuse_non_finite("grad_y", grad_y);
    if (trainable_ > 0 && !learn(x, grad_y)) {
      zero_gradients();
      refuse_non_finite("x", x);
      refuse_non_finite("grad_y", grad_y);
      fail(label(), ": grad_y^T x overflows; lower the scale of the loss");
    }
    if (grad_x.data == nullptr) return;
    if (weight_.compressed_in_use())
      on().compressed_product(weight_.by_columns(), grad_y, ConstView{}, grad_x, weight_.workspace());
    else
      detail::dense_grad_x(weight_, grad_y, grad_x);
  }

  /// Calls `visit(Parameter<Scalar, space>)` for every trained matrix, in a fixed order.
  void for_each_parameter(auto&& visit) {
    need_attached("for_each_parameter");
    weight_.for_each_parameter(visit);
    if constexpr (Bias::trained)
      if (bias_.data != nullptr)
        visit(Parameter<Scalar, typename Backend::space>{"bias", ParameterGroup::bias, bias_, bias_grad_.view()});
  }

  /// The sparsity that the schedule asked for when the mask moved last.
  [[nodiscard]] double sparsity() const noexcept { return sparsity_; }
  [[nodiscard]] index_t kept() const noexcept { return weight_.kept(); }
  [[nodiscard]] Shape shape() const noexcept { return weight_.layout().shape; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// The mask, one bit per weight.
  [[nodiscard]] ConstMaskOn<Backend> mask() const noexcept { return weight_.mask(); }

  /// What the mask looks like, and what the layer costs.
  [[nodiscard]] MaskReport report() {
    need_mask("report");
    MaskReport out;
    weight_.describe(out);
    out.name = options_.name;
    out.target_sparsity = sparsity_;
    const std::vector<mask_word> words = mask_words().template values<mask_word>();
    count_kept(MaskView<const mask_word>{words.data(), shape().out, shape().in}, out);
    out.training_bytes += bias_grad_.bytes();
    out.trainable = trainable_;
    return out;
  }

  /// Writes W' (out x in): exactly +0 where pruned.
  void export_masked(MutableView out) {
    need_mask("export_masked");
    check_matrix("the exported weight", out, shape().out, shape().in);
    weight_.for_each_tile([&](Tile tile) { on().map(tile.of(out), functors::Identity{}, weight_.masked(tile)); });
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

  /// Everything that training has changed: parameters, mask and sparsity. Gradients are not part of it: save between a
  /// step of the optimizer and the next `begin_step`.
  [[nodiscard]] TensorList save() {
    need_attached("save");
    TensorList list;
    detail::with_unique_names([&](auto&& visit) { for_each_parameter(visit); },
                              [&](const std::string& name, const auto& parameter) {
                                list.push_back(detail::to_tensor(on(), name, parameter.value));
                              });
    list.push_back(mask_words());
    list.push_back(Tensor::from<std::int64_t>("shape", {2}, saved_shape()));
    list.push_back(Tensor::from<double>("sparsity", {1}, std::vector<double>{has_mask_ ? sparsity_ : -1.0}));
    list.push_back(Tensor::from<std::int64_t>("steps", {1}, std::vector{static_cast<std::int64_t>(steps_taken_)}));
    return list;
  }
  /// Puts back what `save` gave, bit for bit. Throws Error, having changed nothing, when a tensor is missing, has
  /// another shape or type, or holds NaN or Inf.
  void restore(const TensorList& state) {
    need_attached("restore");
    const auto each = [&](auto&& visit) { for_each_parameter(visit); };
    detail::with_unique_names(each, [&](const std::string& name, const auto& parameter) {
      detail::check_tensor(find(state, name), label(), parameter.value);
    });
    require(find(state, "shape").template values<std::int64_t>() == saved_shape(), label(),
            ": tensor shape is not that of this layer, ", shape().out, " x ", shape().in);
    const auto sparsity = detail::number_of<double>(state, "sparsity", label(), -1.0, 1.0);
    const auto steps = detail::number_of<std::int64_t>(state, "steps", label(), 0);
    const Tensor& mask = find(state, "mask");
    detail::check_mask(mask, label(), word_view(), shape().in);

    detail::with_unique_names(each, [&](const std::string& name, const auto& parameter) {
      detail::put_tensor(on(), find(state, name), parameter.value);
    });
    detail::put_tensor(on(), mask, word_view());
    has_mask_ = sparsity >= 0;
    sparsity_ = has_mask_ ? sparsity : 0.0;
    steps_taken_ = static_cast<std::uint64_t>(steps);
    zero_gradients();
    weight_.forget_change();
    if (has_mask_) weight_.mask_written(options_.dense_above_density);
    learning_ = {};
  }

 private:
  template <class L>
  friend void begin_step_together(std::span<L* const> layers, double step, double steps);

  [[nodiscard]] Backend& on() noexcept { return weight_.backend(); }
  [[nodiscard]] const std::string& label() const noexcept { return label_; }
  void need_attached(const char* caller) const {
    require(weight_.attached(), label(), ": call attach before ", caller);
  }
  void need_mask(const char* caller) const {
    need_attached(caller);
    require(has_mask_, label(), ": call begin_step before ", caller);
  }
  template <class V>
  void check_matrix(const char* name, V view, index_t rows, index_t cols) const {
    detail::check_matrix(label(), name, view, rows, cols);
  }
  void refuse_non_finite(std::string_view name, ConstView view, index_t first_row = 0) {
    detail::refuse_non_finite(on(), label(), name, view, first_row);
  }

  // ---- the steps of begin_step
  [[nodiscard]] double start_step(double step, double steps) {
    need_attached("begin_step");
    detail::check_step(label(), step, steps);
    const double sparsity = options_.schedule.sparsity_at(step, steps);
    require(sparsity >= 0 && sparsity < 1, label(), ": the schedule gives sparsity ", sparsity, " at step ", step,
            " of ", steps, ", expected a number in [0, 1)");
    zero_gradients();
    progress_ = step / steps;
    return sparsity;
  }
  void ranking_pass() {
    if (!weight_.ranking_pass()) name_non_finite();
  }
  /// Throws an Error that names the first NaN or Inf.
  void name_non_finite() {
    for_each_parameter([&](const auto& p) { refuse_non_finite(p.name, p.value); });
    weight_.for_each_block_in_order(0, [&](Tile tile) {
      const ConstView weight = weight_.effective(tile);
      refuse_non_finite("the effective weight", weight, tile.row);
      refuse_non_finite("the importance score", weight_.scores(tile, weight), tile.row);
    });
    fail(label(), ": the weight it is attached to holds NaN or Inf");
  }
  void finish_step(double sparsity) {
    weight_.write_mask(options_.dense_above_density);
    if (!has_mask_) weight_.forget_change();
    sparsity_ = sparsity;
    has_mask_ = true;
    end_step();
  }
  [[nodiscard]] bool wants_refresh() const { return options_.refresh.refreshes(progress_, steps_taken_); }
  /// A step in which the mask stays as it is. NaN in a parameter is refused before anything changes; only where finite
  /// ones overflow is there no weight left to multiply with.
  void keep_mask() {
    for_each_parameter([&](const auto& p) { refuse_non_finite(p.name, p.value); });
    weight_.forget_change();
    if (!weight_.keep_mask()) {
      has_mask_ = false;
      name_non_finite();
    }
    end_step();
  }
  /// Only now does the step count: after one that was refused the layer learns as before.
  void end_step() {
    learning_ = options_.score_gradient.at(progress_, steps_taken_++, options_.seed);
    if (!learning_.learns) weight_.rest_scores();
    if (kept_gradient_is_enough()) weight_.reserve_kept_gradient();
  }
  /// Whether this step needs G at the kept weights alone.
  [[nodiscard]] bool kept_gradient_is_enough() const {
    return weight_.compressed_in_use() && detail::pruned_rest<Scalar>(options_.straight_through) &&
           (!learning_.learns || learning_.token_stride > 1);
  }
  void zero_gradients() {
    weight_.zero_gradients();
    on().fill(bias_grad_.view(), Scalar{0});
  }

  /// Adds what x and grad_y teach to the gradients. False when G is not finite.
  [[nodiscard]] bool learn(ConstView x, ConstView grad_y) {
    const bool finite = kept_gradient_is_enough()
                            ? detail::learn_where_kept(weight_, options_.straight_through, learning_, x, grad_y)
                            : detail::learn_everywhere(weight_, options_.straight_through, learning_, x, grad_y);
    if constexpr (Bias::trained) detail::add_bias_gradient(weight_, grad_y, bias_grad_.view());
    return finite;
  }

  // ---- saving
  [[nodiscard]] std::vector<std::int64_t> saved_shape() const { return {shape().out, shape().in}; }
  [[nodiscard]] std::vector<Scalar> masked_on_host() {
    Matrix<Backend, Scalar> dense(shape().out, shape().in);
    export_masked(dense.view());
    std::vector<Scalar> host(static_cast<std::size_t>(shape().size()));
    on().copy_out(ConstView{dense.view()}, MatrixView<Scalar>{host.data(), shape().out, shape().in});
    return host;
  }
  [[nodiscard]] ViewOn<Backend, mask_word> word_view() {
    const MaskOn<Backend> mask = weight_.mask_view();
    return {mask.words, mask.rows, mask.words_per_row};
  }
  [[nodiscard]] Tensor mask_words() { return detail::to_tensor(on(), "mask", word_view()); }

  Options options_;
  std::string label_ = options_.name.empty() ? "layer" : "layer " + options_.name;  // in messages
  MaskedWeight<Scalar, Importance, Delta, Selector, Backend, stored> weight_;
  BiasView bias_{};
  Matrix<Backend, Scalar> bias_grad_;
  ScoreLearning learning_;  // until the next begin_step
  std::uint64_t steps_taken_ = 0;
  double progress_ = 0;
  double sparsity_ = 0;
  index_t trainable_ = 0;
  bool has_mask_ = false;
};

}  // namespace pst

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pst/bias/trained_bias.hpp"
#include "pst/concepts/backend.hpp"
#include "pst/concepts/bias.hpp"
#include "pst/core/checks.hpp"
#include "pst/core/compressed.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/tensor.hpp"
#include "pst/layer/attached_weight.hpp"
#include "pst/layer/mask_report.hpp"
#include "pst/layer/parameter_run.hpp"
#include "pst/layer/training_state.hpp"
#include "pst/layer/weight_gradient.hpp"

namespace pst::PST_ABI {

/// A linear layer of which nothing is there but the weights that a mask keeps, and these train: y = x W'^T + b.
///
///     pst::KeptLinear<> layer{{.in = 768, .out = 3072}};
///     layer.attach(mask, bias);  // copies the mask, borrows the bias
///     layer.fill(weight);        // copies the kept weights; mask and weight may be freed now
///     layer.begin_step();
///     layer.forward(x, y);
///     layer.backward(x, grad_y, grad_x);
///     layer.for_each_parameter([&](auto p) { optimizer.update(p); });
///
/// It is what remains of a SparseLinear once its mask rests: the update is added to the kept weights, which
/// `SparseLinear::export_masked` does exactly, and factors, scores, their moments and the weight that was attached are
/// no longer needed. Give the kept weights an optimizer with a step count of its own: with Adam's corrections of many
/// steps and moments of zero the first step is three times as long.
///
/// A kept weight takes 10 bytes and its gradient 4, with two moments 22: at 90 % sparsity 2.2 bytes for each weight of
/// the dense matrix, and one bit for the mask. `forward` and the gradient at the kept weights follow the parameters at
/// once, grad_x follows them when `begin_step` or `refresh` is called.
///
/// Results have the same bits for any number of threads. One layer must not be called by two threads at once.
/// @ingroup layer
template <FloatOrDouble Scalar = float, class Bias = TrainedBias, class Backend = EigenCpu>
requires BackendFor<Backend, Scalar> && BiasPolicy<Bias>
class KeptLinear {
 public:
  using scalar = Scalar;
  using backend = Backend;
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;
  using BiasView = std::conditional_t<Bias::trained, MutableView, ConstView>;

  struct Options {
    std::string name{};  ///< of the layer: in messages, reports, and in front of the names of its parameters
    /// The weights are the change of a dense weight (ChangedLinear): their name is "delta.kept", their group delta, the
    /// mask is saved as "places", and there may be none.
    bool is_change = false;
  };

  /// A layer of `shape` that has no weights yet. Throws Error when a side is not positive.
  explicit KeptLinear(Shape shape, Options options = {}, Backend on = {})
      : options_{std::move(options)}, on_{std::move(on)}, layout_{on_.plan(detail::positive(shape), 1)} {}

  // ---- what is copied and borrowed
  /// Takes a mask (out x in) of the weights that there are, all of them 0 so far, and borrows a bias (1 x out), which
  /// must outlive the layer or the next `attach_bias`. Called once; throws Error on a mask that keeps nothing.
  void attach(ConstMaskOn<Backend> mask, BiasView bias = {}) {
    const auto in_use = on_.use();
    require(!attached(), label(), ": attach was called before, expected one call");
    detail::check_given_mask(on_, label(), mask, shape(), options_.is_change);
    check_bias(bias);
    mask_ = Words(static_cast<std::size_t>(shape().out * mask_view().words_per_row));
    on_.replace_mask(mask, mask_view());
    start_ = Offsets(static_cast<std::size_t>(View::panels_for(shape().in) * shape().out + 1));
    const index_t count = on_.count_kept(mask, View{shape().out, shape().in, start_.data(), nullptr, nullptr});
    require(count <= Transposed::most, label(), ": the mask keeps ", count, " weights, expected at most ",
            Transposed::most);
    column_ = Columns(static_cast<std::size_t>(count));
    transposed_.reserve(count);
    weight_.emplace(options_.is_change ? "delta.kept" : "weight.kept",
                    options_.is_change ? ParameterGroup::delta : ParameterGroup::weight, index_t{1}, count);
    bias_ = bias;
    each([&](TrainedMatrix<Backend, Scalar>& matrix) {
      if (matrix.in_place()) bind_bias(matrix);
    });
    const auto all = [&](VisitMatrix<Backend, Scalar> f) { each(f); };
    run_.plan(options_.name, all);
    run_.allocate(all);
    workspace_.emplace(on_, layout_);
    put(ConstView{});
  }
  /// Copies the kept weights from a dense matrix (out x in), which may be freed then. Throws Error on NaN and Inf.
  void fill(ConstView weight) {
    const auto in_use = use("fill");
    detail::check_matrix(label(), "the weight", weight, shape().out, shape().in);
    detail::refuse_non_finite(on_, label(), "the weight", weight);
    put(weight);
  }
  /// Moves to where the same bias lives now.
  void attach_bias(BiasView bias) {
    const auto in_use = use("attach_bias");
    require((bias.data != nullptr) == has_bias(), label(), ": attach was called ", has_bias() ? "with" : "without",
            " a bias, expected the same now");
    check_bias(bias);
    bias_ = bias;
    if constexpr (Bias::trained) bind_bias(bias_matrix_);
  }
  [[nodiscard]] bool attached() const noexcept { return weight_.has_value(); }
  /// Where the trained matrices stand in a run of parameters and one of gradients.
  [[nodiscard]] const ParameterLayout& layout() const {
    need_attached("layout");
    return run_.layout();
  }
  /// Borrows memory for parameters (1 x layout().own) and gradients (1 x layout().size), as SparseLinear does: the
  /// first call moves there what the layer holds, unless `holds` says that values are there already.
  void bind(MutableView parameters, MutableView gradients, BoundRun holds = BoundRun::nothing) {
    const auto in_use = use("bind");
    detail::check_run(label(), "the run of parameters", parameters, run_.layout().own);
    detail::check_run(label(), "the run of gradients", gradients, run_.layout().size);
    detail::refuse_overlap(label(), "the run of gradients", gradients, "the run of parameters", parameters);
    if (has_bias()) {
      detail::refuse_overlap(label(), "the run of parameters", parameters, "the bias", bias_);
      detail::refuse_overlap(label(), "the run of gradients", gradients, "the bias", bias_);
    }
    const auto all = [&](VisitMatrix<Backend, Scalar> f) { each(f); };
    if (run_.owned() && holds == BoundRun::nothing)
      run_.move_to(on_, parameters, gradients, all);
    else
      run_.bind(parameters, gradients, all);
    refresh();
  }

  // ---- a step
  void zero_gradients() {
    const auto in_use = use("zero_gradients");
    fill_gradients();
  }
  /// Throws Error on NaN and Inf in the parameters.
  void check_parameters() {
    const auto in_use = use("check_parameters");
    check_parameters_in_use();
  }
  /// Brings the transposed weight up to date with the parameters. Throws Error, having changed nothing, on NaN and Inf.
  void refresh() {
    const auto in_use = use("refresh");
    check_parameters_in_use();
    transpose();
  }
  /// `refresh`, and gradients of zero.
  void begin_step() {
    refresh();
    zero_gradients();
  }
  /// y = x W'^T + b for n tokens: x is n x in, y is n x out, and does not overlap x. Allocates nothing.
  void forward(ConstView x, MutableView y) {
    const auto in_use = use("forward");
    detail::check_matrix(label(), "x", x, x.rows, shape().in);
    detail::check_matrix(label(), "y", y, x.rows, shape().out);
    detail::refuse_overlap(label(), "y", y, "x", x);
    refuse_overlaps("y", y);
    on_.compressed_product(view(), x, ConstView{bias_}, y, *workspace_);
  }
  /// Adds to the gradients of all parameters, or overwrites them, and writes grad_x = grad_y W' unless `grad_x` is
  /// empty. `x` is what `forward` was given. Throws Error, with all as it was, when x or grad_y hold NaN or Inf, or are
  /// so large that their product may overflow. No output may overlap an input. Allocates nothing.
  void backward(ConstView x, ConstView grad_y, MutableView grad_x = {}, Gradients write = Gradients::add) {
    const auto in_use = use("backward");
    detail::check_matrix(label(), "x", x, x.rows, shape().in);
    detail::check_matrix(label(), "grad_y", grad_y, x.rows, shape().out);
    if (grad_x.data != nullptr) check_grad_x(grad_x, x, grad_y);
    refuse_batch(x, grad_y);
    if (write == Gradients::overwrite) fill_gradients();
    if (kept() > 0) on_.sampled_product(view(), grad_y, x, weight_->grad().data, *workspace_);
    if constexpr (Bias::trained)
      if (has_bias()) detail::add_bias_gradient(on_, layout_.plan, grad_y, bias_matrix_.grad());
    if (grad_x.data != nullptr) on_.compressed_product(transposed_.view(), grad_y, ConstView{}, grad_x, *workspace_);
  }
  /// Calls `visit(Parameter<Scalar, space>)` for every trained matrix: "weight.kept" (1 x kept) and "bias".
  void for_each_parameter(auto&& visit) {
    need_attached("for_each_parameter");
    std::size_t i = 0;
    each([&](const TrainedMatrix<Backend, Scalar>& matrix) {
      visit(Parameter<Scalar, typename Backend::space>{run_.layout().entries[i++].name, matrix.group(), matrix.value(),
                                                       matrix.grad()});
    });
  }

  // ---- what there is to see
  [[nodiscard]] Shape shape() const noexcept { return layout_.shape; }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] index_t kept() const noexcept { return attached() ? weight_->cols() : 0; }
  /// The fraction of weights that are not there.
  [[nodiscard]] double sparsity() const noexcept {
    return 1 - static_cast<double>(kept()) / static_cast<double>(shape().size());
  }
  [[nodiscard]] ConstMaskOn<Backend> mask() const noexcept { return {mask_.data(), shape().out, shape().in}; }
  /// Another number whenever grad_x may have changed.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  /// What the mask looks like, and what the layer costs.
  [[nodiscard]] MaskReport report() {
    const auto in_use = use("report");
    MaskReport made;
    made.name = options_.name, made.shape = shape(), made.target_sparsity = sparsity(), made.kept = kept();
    const std::vector<mask_word> words = mask_words().template values<mask_word>();
    count_kept(MaskView<const mask_word>{words.data(), shape().out, shape().in}, made);
    made.dense_bytes = static_cast<std::size_t>(shape().size()) * sizeof(Scalar);
    made.compressed_bytes = static_cast<std::size_t>(kept()) * sizeof(Scalar) +
                            static_cast<std::size_t>(shape().out * ((shape().in + 7) / 8));
    made.training_bytes = mask_.size() * sizeof(mask_word) + start_.size() * sizeof(std::uint32_t) + column_.size() +
                          transposed_.bytes() + run_.bytes();
    made.scratch_bytes = workspace_->bytes();
    made.trainable = run_.layout().size;
    return made;
  }

  // ---- what goes out
  /// Writes W' (out x in): exactly +0 where nothing is kept.
  void export_masked(MutableView out) {
    const auto in_use = use("export_masked");
    detail::check_matrix(label(), "the exported weight", out, shape().out, shape().in);
    refuse_overlaps("the exported weight", out);
    for_each_tile([&](Tile tile) { on_.expand(view(), tile, tile.of(out)); });
  }
  /// Kept weights, mask and bias; names are without that of the layer.
  [[nodiscard]] TensorList save() {
    const auto in_use = use("save");
    TensorList list = detail::numbers_to_tensors(*this, on_);
    list.push_back(mask_words());
    list.push_back(detail::shape_tensor(shape()));
    return list;
  }
  /// Throws Error when a state is not one that `restore` takes: a tensor is missing or not of this layer, or the mask
  /// is another one.
  void check_state(const TensorList& state) {
    const auto in_use = use("check_state");
    check_state_in_use(state);
  }
  /// Puts back what `save` gave, bit for bit. Throws Error, having changed nothing, on what `check_state` refuses.
  void restore(const TensorList& state) {
    const auto in_use = use("restore");
    check_state_in_use(state);
    detail::put_numbers(*this, on_, state);
    fill_gradients();
    transpose();
  }

 private:
  using View = CompressedView<Scalar, typename Backend::space>;
  using Transposed = CompressedWeight<Backend, Scalar>;
  using Words = typename Backend::template buffer<mask_word>;
  using Offsets = typename Backend::template buffer<std::uint32_t>;
  using Columns = typename Backend::template buffer<std::uint8_t>;

  void fill_gradients() {
    if (!run_.gradients().empty()) on_.fill(run_.gradients(), Scalar{0});
  }
  void check_parameters_in_use() {
    each(
        [&](const auto& matrix) { detail::refuse_non_finite(on_, label(), matrix.name(), ConstView{matrix.value()}); });
  }
  void check_state_in_use(const TensorList& state) {
    detail::check_numbers_of(*this, label(), state, {mask_name(), "shape"});
    detail::check_shape(state, label(), shape());
    require(detail::tensor_of(state, mask_name(), label()).bytes == mask_words().bytes, label(), ": tensor ",
            mask_name(), " keeps other weights than the layer");
  }
  [[nodiscard]] std::string label() const { return options_.name.empty() ? "layer" : "layer " + options_.name; }
  [[nodiscard]] bool has_bias() const noexcept { return bias_.data != nullptr; }
  void need_attached(const char* caller) const { require(attached(), label(), ": call attach before ", caller); }
  [[nodiscard]] auto use(const char* caller) {
    need_attached(caller);
    return on_.use();
  }
  [[nodiscard]] MaskOn<Backend> mask_view() noexcept { return {mask_.data(), shape().out, shape().in}; }
  /// W', whose numbers are the parameters.
  [[nodiscard]] View view() { return {shape().out, shape().in, start_.data(), column_.data(), weight_->value().data}; }
  [[nodiscard]] const char* mask_name() const noexcept { return options_.is_change ? "places" : "mask"; }
  void each(VisitMatrix<Backend, Scalar> f) {
    if (kept() > 0) f(*weight_);
    if constexpr (Bias::trained)
      if (has_bias()) f(bias_matrix_);
  }
  void bind_bias(TrainedMatrix<Backend, Scalar>& matrix) {
    if constexpr (Bias::trained) matrix.bind_value(bias_);
  }
  void check_bias(BiasView bias) {
    if (bias.data == nullptr) return;
    detail::check_matrix(label(), "the bias", bias, 1, shape().out);
    detail::refuse_non_finite(on_, label(), "the bias", ConstView{bias});
  }
  void refuse_overlaps(const char* name, MutableView output) {
    if (has_bias()) detail::refuse_overlap(label(), name, output, "the bias", bias_);
    detail::refuse_overlap(label(), name, output, "the run of parameters", run_.values());
    detail::refuse_overlap(label(), name, output, "the run of gradients", run_.gradients());
  }
  void check_grad_x(MutableView grad_x, ConstView x, ConstView grad_y) {
    detail::check_matrix(label(), "grad_x", grad_x, x.rows, shape().in);
    detail::refuse_overlap(label(), "grad_x", grad_x, "x", x);
    detail::refuse_overlap(label(), "grad_x", grad_x, "grad_y", grad_y);
    refuse_overlaps("grad_x", grad_x);
  }
  void refuse_batch(ConstView x, ConstView grad_y) {
    if (detail::norms_bound_gradient(on_, x, grad_y)) return;
    detail::refuse_non_finite(on_, label(), "x", x);
    detail::refuse_non_finite(on_, label(), "grad_y", grad_y);
    fail(label(), ": grad_y^T x may overflow; lower the scale of the loss");
  }
  void for_each_tile(TileFunction f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_tile_of_blocks(part, slot, f); });
  }
  /// Writes columns and numbers of the kept weights; without a matrix the numbers are 0.
  void put(ConstView weight) {
    const Matrix<Backend, Scalar> zeros(weight.data == nullptr ? 1 : 0, shape().in);  // each row is that one
    const ConstView from = weight.data == nullptr ? ConstView{zeros.view().data, shape().out, shape().in, 0} : weight;
    for_each_tile([&](Tile tile) { on_.compress(tile.of(from), tile.of(mask()), tile, view()); });
    transpose();
  }
  void transpose() {
    on_.transpose_compressed(view(), transposed_.view());
    ++generation_;
  }
  [[nodiscard]] Tensor mask_words() {
    const MaskOn<Backend> words = mask_view();
    return detail::to_tensor(on_, mask_name(),
                             ViewOn<Backend, mask_word>{words.words, words.rows, words.words_per_row});
  }

  Options options_;
  Backend on_;
  LayerLayout layout_;
  Words mask_;
  Offsets start_;
  Columns column_;
  Transposed transposed_{layout_.shape.in, layout_.shape.out};  // W'^T, for grad_x
  std::optional<TrainedMatrix<Backend, Scalar>> weight_;
  TrainedMatrix<Backend, Scalar> bias_matrix_{"bias", ParameterGroup::bias, 1, layout_.shape.out, true};
  ParameterRun<Backend, Scalar> run_;
  BiasView bias_{};
  std::optional<typename Backend::template workspace<Scalar>> workspace_;
  std::uint64_t generation_ = 0;
};

}  // namespace pst::PST_ABI

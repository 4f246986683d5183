// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>

#include "pst/bias/trained_bias.hpp"
#include "pst/concepts/backend.hpp"
#include "pst/concepts/bias.hpp"
#include "pst/concepts/storage.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/tensor.hpp"
#include "pst/layer/attached_weight.hpp"
#include "pst/layer/borrowed_weight.hpp"
#include "pst/layer/dense_products.hpp"
#include "pst/layer/kept_linear.hpp"
#include "pst/layer/mask_report.hpp"
#include "pst/storage/stored_as_scalar.hpp"

namespace pst::PST_ABI {

/// A linear layer whose dense weight rests but for a change at few places, which trains: y = x (W0 + D)^T + b.
///
///     pst::ChangedLinear<> layer{{.in = 768, .out = 3072}};
///     layer.attach(weight, places, bias);  // borrows weight and bias, copies the mask of the places
///     layer.fill(change);                  // copies D there; without it D begins as zeros
///     layer.begin_step();
///     layer.forward(x, y);
///     layer.backward(x, grad_y, grad_x);
///
/// The last stage of diff pruning (Guo, Rush and Kim 2021), behind `Gated`, whose z .* w is D. D is a KeptLinear: a
/// number takes 22 bytes with its gradient and the moments of Adam, its gradient is that of G at the places alone, and
/// G is not formed. Outputs and gradients of x are sums of a dense product and a compressed one. `forward` and the
/// gradient follow D at once, grad_x follows it when `begin_step` or `refresh` is called.
///
/// Results have the same bits for any number of threads. One layer must not be called by two threads at once.
/// @ingroup layer
template <FloatOrDouble Scalar = float, class Bias = TrainedBias, class Backend = EigenCpu,
          class Storage = StoredAsScalar>
requires BackendFor<Backend, Scalar> && BiasPolicy<Bias> && StoragePolicy<Storage>
class ChangedLinear {
  using Change = KeptLinear<Scalar, Bias, Backend>;

 public:
  using scalar = Scalar;
  using stored = typename Storage::template number<Scalar>;  ///< what the attached weight consists of
  using backend = Backend;
  using ConstView = typename Change::ConstView;
  using MutableView = typename Change::MutableView;
  using BiasView = typename Change::BiasView;
  /// The attached weight, to which a MatrixView converts.
  using WeightView = StridedView<const stored, typename Backend::space>;

  struct Options {
    std::string name{};  ///< of the layer: in messages, reports, and in front of the names of its parameters
  };

  /// A layer of `shape` without a weight. Throws Error when a side is not positive.
  explicit ChangedLinear(Shape shape, Options options = {}, Backend on = {})
      : options_{std::move(options)},
        change_{shape, {.name = options_.name, .is_change = true}, on},
        weight_{shape, std::move(on)} {}

  // ---- what is copied and borrowed
  /// Borrows a weight (out x in) and a bias (1 x out), which must outlive the layer or the next `attach`, and takes a
  /// mask (out x in) of the places that change, of which there may be none. Throws Error on wrong shapes, and on NaN or
  /// Inf.
  void attach(WeightView weight, ConstMaskOn<Backend> places, BiasView bias = {}) {
    const auto in_use = weight_.backend().use();
    check_weight(weight);
    change_.attach(places, bias);
    weight_.attach(weight);
  }
  /// Moves to where the same weight and bias live now.
  void attach(WeightView weight, BiasView bias) {
    const auto in_use = use("a second attach");
    check_weight(weight);
    change_.attach_bias(bias);
    weight_.attach(weight);
  }
  /// Copies D from a dense matrix (out x in), of which the numbers at the places are read. Throws Error on NaN and Inf.
  void fill(ConstView change) { change_.fill(change); }
  [[nodiscard]] bool attached() const noexcept { return change_.attached(); }
  /// Where the trained matrices stand in a run of parameters and one of gradients.
  [[nodiscard]] const ParameterLayout& layout() const { return change_.layout(); }
  /// Borrows memory for parameters and gradients, as KeptLinear does.
  void bind(MutableView parameters, MutableView gradients, BoundRun holds = BoundRun::nothing) {
    refuse_overlap("the run of parameters", parameters);
    refuse_overlap("the run of gradients", gradients);
    change_.bind(parameters, gradients, holds);
  }

  // ---- a step
  void zero_gradients() { change_.zero_gradients(); }
  /// Throws Error on NaN and Inf in the parameters.
  void check_parameters() { change_.check_parameters(); }
  /// Has grad_x follow the parameters. Throws Error, having changed nothing, on NaN and Inf.
  void refresh() { change_.refresh(); }
  /// `refresh`, and gradients of zero.
  void begin_step() { change_.begin_step(); }
  /// y = x (W0 + D)^T + b for n tokens: x is n x in, y is n x out, and does not overlap x. Allocates nothing.
  void forward(ConstView x, MutableView y) {
    const auto in_use = use("forward");
    refuse_overlap("y", y);
    change_.forward(x, y);
    detail::add_dense_forward(weight_, tiles(), x, y, [](Tile, MutableView) {});
  }
  /// Adds to the gradients of all parameters, or overwrites them, and writes grad_x = grad_y (W0 + D) unless `grad_x`
  /// is empty. `x` is what `forward` was given. Throws Error, with all as it was, on a batch that KeptLinear refuses.
  /// No output may overlap an input. Allocates nothing.
  void backward(ConstView x, ConstView grad_y, MutableView grad_x = {}, Gradients write = Gradients::add) {
    const auto in_use = use("backward");
    if (grad_x.data != nullptr) refuse_overlap("grad_x", grad_x);
    change_.backward(x, grad_y, grad_x, write);
    if (grad_x.data != nullptr) detail::add_dense_grad_x(weight_, tiles(), grad_y, grad_x, [](MutableView) {});
  }
  /// Calls `visit(Parameter<Scalar, space>)` for every trained matrix: "delta.kept" (1 x places), where there are
  /// places, and "bias".
  void for_each_parameter(auto&& visit) { change_.for_each_parameter(visit); }

  // ---- what there is to see
  [[nodiscard]] Shape shape() const noexcept { return change_.shape(); }
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  /// How many numbers D has.
  [[nodiscard]] index_t changed() const noexcept { return change_.kept(); }
  /// Where they are.
  [[nodiscard]] ConstMaskOn<Backend> places() const noexcept { return change_.mask(); }
  /// No weight is pruned, and there is no mask.
  [[nodiscard]] double sparsity() const noexcept { return 0.0; }
  [[nodiscard]] index_t kept() const noexcept { return shape().size(); }
  [[nodiscard]] ConstMaskOn<Backend> mask() const noexcept { return {nullptr, shape().out, shape().in}; }
  /// Another number whenever grad_x may have changed.
  [[nodiscard]] std::uint64_t generation() const noexcept { return change_.generation(); }
  /// What the layer costs. `compressed_bytes` are those of D, as values and a bit mask.
  [[nodiscard]] MaskReport report() {
    MaskReport made = change_.report();
    made.target_sparsity = 0, made.kept = kept();
    made.kept_per_row.assign(made.kept_per_row.size(), shape().in);
    made.kept_per_column.assign(made.kept_per_column.size(), shape().out);
    made.dense_bytes = static_cast<std::size_t>(kept()) * sizeof(stored);
    return made;
  }

  // ---- what goes out
  /// Writes W0 + D (out x in).
  void export_masked(MutableView out) {
    const auto in_use = use("export_masked");
    refuse_overlap("the exported weight", out);
    change_.export_masked(out);
    weight_.for_each_tile([&](Tile tile) {
      const MutableView of_tile = tile.of(out);
      weight_.backend().map(of_tile, functors::Add{}, weight_.tile(tile), ConstView{of_tile});
    });
  }
  /// Writes D (out x in): +0 where nothing changes.
  void export_change(MutableView out) { change_.export_masked(out); }
  /// D, its places and the bias; names are without that of the layer.
  [[nodiscard]] TensorList save() { return change_.save(); }
  /// Throws Error when a state is not one that `restore` takes: a tensor is missing or not of this layer, or the places
  /// are others.
  void check_state(const TensorList& state) { change_.check_state(state); }
  /// Puts back what `save` gave, bit for bit. Throws Error, having changed nothing, on what `check_state` refuses.
  void restore(const TensorList& state) { change_.restore(state); }

 private:
  [[nodiscard]] std::string label() const { return options_.name.empty() ? "layer" : "layer " + options_.name; }
  /// Keeps other threads out of the backend's memory while the result lives; throws Error before `attach`.
  [[nodiscard]] auto use(const char* caller) {
    require(attached(), label(), ": call attach before ", caller);
    return weight_.backend().use();
  }
  void check_weight(WeightView weight) {
    detail::check_weight(label(), weight, shape().out, shape().in, false);
    detail::refuse_non_finite(weight_.backend(), label(), "the weight", weight);
  }
  void refuse_overlap(const char* name, MutableView output) {
    const WeightView weight = weight_.view();
    if (weight.rows_are_contiguous()) detail::refuse_overlap(label(), name, output, "the weight", weight.contiguous());
    if (weight.row_stride == 1 && weight.col_stride >= weight.rows)
      detail::refuse_overlap(label(), name, output, "the weight", weight.transposed().contiguous());
  }
  [[nodiscard]] auto tiles() {
    return [this](Tile tile) { return weight_.tile(tile); };
  }

  Options options_;
  Change change_;
  BorrowedWeight<Scalar, Backend, stored> weight_;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pst/any/linear_interface.hpp"
#include "pst/any/shared_cpu.hpp"
#include "pst/any/spec.hpp"
#include "pst/core/error.hpp"

namespace pst::PST_ABI {

/// A linear layer whose method is chosen at run time: everything that SparseLinear does, behind one virtual call.
///
/// It owns a layer, moves as a pointer does, and does not know of which type the layer is; so what holds it is compiled
/// once. Results are those of the type it stands for, bit for bit. One that was moved from is empty, and must not be
/// called.
/// @ingroup any
template <class Scalar = float>
class AnyLinear {
 public:
  using scalar = Scalar;
  using ConstView = MatrixView<const Scalar>;
  using MutableView = MatrixView<Scalar>;

  AnyLinear() = default;  ///< empty
  /// Owns a layer of any kind.
  explicit AnyLinear(std::unique_ptr<LinearInterface<Scalar>> layer) noexcept : layer_{std::move(layer)} {}

  /// False where there is no layer: after a move, and for one that was made without.
  explicit operator bool() const noexcept { return layer_ != nullptr; }
  /// The layer itself, for whoever knows more about it.
  [[nodiscard]] LinearInterface<Scalar>& layer() const noexcept { return *layer_; }

  [[nodiscard]] const std::string& name() const { return layer_->name(); }
  [[nodiscard]] Shape shape() const { return layer_->shape(); }

  // ---- what is borrowed
  /// Borrows a weight (out x in) and, if there is one, a bias (1 x out), both of which must outlive the layer or the
  /// next `attach`. What trains in place must be a view of variables. A second call only moves the layer to where the
  /// same weight lives now. Throws Error on wrong shapes and types, and on NaN or Inf.
  void attach(LentWeight<Scalar> weight, LentBias<Scalar> bias = {}) { layer_->attach(weight, bias); }
  /// Where the trained matrices stand in a run of parameters and one of gradients; known once the layer is attached.
  [[nodiscard]] const ParameterLayout& layout() const { return layer_->layout(); }
  /// Borrows memory for parameters (1 x layout().own) and gradients (1 x layout().size). The first call writes the
  /// start values there, or what was learnt, unless `holds` says that values are there; a later one only moves the
  /// layer to where the same numbers live now. Without `bind` the layer allocates.
  void bind(MutableView parameters, MutableView gradients, BoundRun holds = BoundRun::nothing) {
    layer_->bind(parameters, gradients, holds);
  }

  // ---- a step
  void zero_gradients() { layer_->zero_gradients(); }
  /// Brings the mask and W' up to date with the parameters at a progress of 0 to 1, for an evaluation in the middle of
  /// training: counts nothing, touches no gradient.
  void refresh(double progress) { layer_->refresh(progress); }
  /// Begins the `step`-th of `steps` steps (from 1; 0 is the state before the first): mask and W' are refreshed and
  /// gradients set to zero. Throws Error, having changed nothing, when a score or a weight is NaN or Inf. A progress is
  /// no step, and does not compile.
  template <std::integral Step, std::integral Steps>
  void begin_step(Step step, Steps steps) {
    layer_->begin_step(static_cast<index_t>(step), static_cast<index_t>(steps));
  }
  /// y = x W'^T + b for n tokens: x is n x in, y is n x out. Allocates nothing.
  void forward(ConstView x, MutableView y) { layer_->forward(x, y); }
  /// Adds to the gradients of all parameters, or overwrites them, and writes grad_x = grad_y W' unless `grad_x` is
  /// empty; `x` is what `forward` was given. Throws Error, with all as it was, when the batch is not finite. Allocates
  /// nothing.
  void backward(ConstView x, ConstView grad_y, MutableView grad_x = {}, Gradients write = Gradients::add) {
    layer_->backward(x, grad_y, grad_x, write);
  }
  /// Calls `visit(const Parameter<Scalar>&)` for every trained matrix, in the order of the layout.
  void for_each_parameter(auto&& visit) { layer_->for_each_parameter(visit); }
  /// The same as a list, as optimizers take it; views are valid until the layer is attached or bound again.
  [[nodiscard]] std::vector<Parameter<Scalar>> parameters() {
    std::vector<Parameter<Scalar>> list;
    for_each_parameter([&](const Parameter<Scalar>& parameter) { list.push_back(parameter); });
    return list;
  }
  /// Calls `visit(std::string_view name, view)` for what scores have measured of batches, which ranks of a
  /// data-parallel run average before a step begins; where LinearSpec::weighted_by is "nothing" there is none.
  void for_each_statistic(auto&& visit) { layer_->for_each_statistic(visit); }

  // ---- what there is to see
  /// The sparsity that the schedule asked for when the mask moved last.
  [[nodiscard]] double sparsity() const { return layer_->sparsity(); }
  [[nodiscard]] index_t kept() const { return layer_->kept(); }
  [[nodiscard]] MaskView<const mask_word> mask() const { return layer_->mask(); }
  /// Another number whenever W' may have changed.
  [[nodiscard]] std::uint64_t generation() const { return layer_->generation(); }
  void set_mask(MaskView<const mask_word> mask) { layer_->set_mask(mask); }
  /// How many numbers train; known once the layer is attached.
  [[nodiscard]] index_t trainable() const { return layout().size; }
  [[nodiscard]] MaskReport report() { return layer_->report(); }

  // ---- what goes out
  /// Writes W' (out x in), that of the last refresh or step: exactly +0 where pruned.
  void export_masked(MutableView out) { layer_->export_masked(out); }
  [[nodiscard]] CsrMatrix<Scalar> export_csr() { return layer_->export_csr(); }
  [[nodiscard]] BitmaskMatrix<Scalar> export_bitmask() { return layer_->export_bitmask(); }
  /// A layer that borrows the same weight and bias and has all else of its own, the same bits; it shares scratch memory
  /// with this one, or with the layers of `on`.
  [[nodiscard]] AnyLinear clone() { return AnyLinear{layer_->clone()}; }
  [[nodiscard]] AnyLinear clone(const SharedCpu& on) { return AnyLinear{layer_->clone(on)}; }
  /// Everything that training has changed, as tensors or as one run of bytes; gradients are not part of it.
  [[nodiscard]] TensorList save() { return layer_->save(); }
  [[nodiscard]] std::vector<std::byte> save_bytes() { return layer_->save_bytes(); }
  /// Throws Error on a state that `restore` does not take.
  void check_state(const TensorList& state) { layer_->check_state(state); }
  /// Puts it back, bit for bit. Throws Error, having changed nothing, on what is not of this layer.
  void restore(const TensorList& state) { layer_->restore(state); }
  void restore_bytes(std::span<const std::byte> bytes) { layer_->restore_bytes(bytes); }

 private:
  std::unique_ptr<LinearInterface<Scalar>> layer_;
};

/// A layer from its specification: `make_linear({.method = "pst", .delta_rank = 8}, {.in = 768, .out = 3072})`. With
/// `on` it shares threads and scratch memory with other layers. Throws Error on a specification that no layer has.
/// @ingroup any
template <class Scalar = float>
[[nodiscard]] AnyLinear<Scalar> make_linear(const LinearSpec& spec, Shape shape, const SharedCpu& on = {});
template <>
AnyLinear<float> make_linear<float>(const LinearSpec& spec, Shape shape, const SharedCpu& on);
template <>
AnyLinear<double> make_linear<double>(const LinearSpec& spec, Shape shape, const SharedCpu& on);

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pst/any/lent.hpp"
#include "pst/core/function_ref.hpp"
#include "pst/core/parameter.hpp"
#include "pst/core/tensor.hpp"
#include "pst/layer/mask_report.hpp"
#include "pst/serve/sparse_export.hpp"

namespace pst::PST_ABI {

class SharedCpu;

/// A step of one layer that is ranked and checked, and not taken yet: a LayerSet takes the steps of all layers, or of
/// none. Without `take` the layer is as it was.
/// @ingroup any
template <class Scalar>
class PendingStep {
 public:
  virtual ~PendingStep() = default;

  /// Whether the mask moves, and the layer shares its budget.
  [[nodiscard]] virtual bool shares_budget() const { return false; }
  /// Ranks the weights, and refuses NaN and Inf. `others` are those that share the budget, this step included, in the
  /// order that decides ties; empty where the layer ranks alone. Called once for all of them.
  virtual void rank(std::span<PendingStep* const> others) = 0;
  /// Takes the step.
  virtual void take() = 0;
};

/// What AnyLinear calls: one virtual function for each operation of a layer, which AnyLinear documents. A layer type of
/// another kind than SparseLinear derives from it.
/// @ingroup any
template <class Scalar>
class LinearInterface {
 public:
  using ConstView = MatrixView<const Scalar>;
  using MutableView = MatrixView<Scalar>;
  using ParameterVisitor = FunctionRef<void(const Parameter<Scalar>&)>;
  using StatisticVisitor = FunctionRef<void(std::string_view, MutableView)>;

  LinearInterface() = default;
  LinearInterface(const LinearInterface&) = delete;
  virtual ~LinearInterface() = default;

  [[nodiscard]] virtual const std::string& name() const = 0;
  [[nodiscard]] virtual Shape shape() const = 0;

  virtual void attach(LentWeight<Scalar> weight, LentBias<Scalar> bias) = 0;
  [[nodiscard]] virtual const ParameterLayout& layout() const = 0;
  virtual void bind(MutableView parameters, MutableView gradients, BoundRun holds) = 0;

  virtual void zero_gradients() = 0;
  virtual void refresh(double progress) = 0;
  virtual void begin_step(index_t step, index_t steps) = 0;
  /// `begin_step` and `refresh` in two halves.
  [[nodiscard]] virtual std::unique_ptr<PendingStep<Scalar>> prepare_step(index_t step, index_t steps) = 0;
  [[nodiscard]] virtual std::unique_ptr<PendingStep<Scalar>> prepare_refresh(double progress) = 0;
  virtual void forward(ConstView x, MutableView y) = 0;
  virtual void backward(ConstView x, ConstView grad_y, MutableView grad_x, Gradients write) = 0;
  virtual void for_each_parameter(ParameterVisitor visit) = 0;
  virtual void for_each_statistic(StatisticVisitor) {}

  [[nodiscard]] virtual double sparsity() const = 0;
  [[nodiscard]] virtual index_t kept() const = 0;
  [[nodiscard]] virtual MaskView<const mask_word> mask() const = 0;
  [[nodiscard]] virtual std::uint64_t generation() const = 0;
  virtual void set_mask(MaskView<const mask_word> mask) = 0;
  [[nodiscard]] virtual MaskReport report() = 0;
  virtual void export_masked(MutableView out) = 0;
  [[nodiscard]] virtual CsrMatrix<Scalar> export_csr() = 0;
  [[nodiscard]] virtual BitmaskMatrix<Scalar> export_bitmask() = 0;

  [[nodiscard]] virtual std::unique_ptr<LinearInterface> clone() = 0;
  [[nodiscard]] virtual std::unique_ptr<LinearInterface> clone(const SharedCpu& on) = 0;
  [[nodiscard]] virtual TensorList save() = 0;
  virtual void check_state(const TensorList& state) = 0;
  virtual void restore(const TensorList& state) = 0;
  [[nodiscard]] virtual std::vector<std::byte> save_bytes() = 0;
  virtual void restore_bytes(std::span<const std::byte> bytes) = 0;
};

}  // namespace pst::PST_ABI

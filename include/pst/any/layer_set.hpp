// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/any/linear.hpp"
#include "pst/any/shared_cpu.hpp"

namespace pst::PST_ABI {

/// One trained matrix of a LayerSet.
/// @ingroup any
struct SetEntry {
  std::string name;  ///< "encoder.query.delta.U"
  ParameterGroup group = ParameterGroup::weight;
  index_t rows = 0;
  index_t cols = 0;
  std::size_t layer = 0;        ///< its place in the set
  index_t value_offset = 0;     ///< of its first number in the run of parameters; row-major; -1 where it is in place
  index_t gradient_offset = 0;  ///< likewise in the run of gradients
  bool in_place = false;        ///< its values are those of an attached matrix
};

/// Where the trained matrices of a LayerSet stand in one run of parameters and one of gradients: layer behind layer.
/// @ingroup any
struct SetLayout {
  std::vector<SetEntry> entries;
  index_t own = 0;   ///< numbers in the run of parameters
  index_t size = 0;  ///< numbers in the run of gradients
};

/// Of the state of a set, that of the layer called `name`, with the names that the layer gave; empty where there is
/// none.
/// @ingroup any
[[nodiscard]] TensorList part_of(const TensorList& of_set, std::string_view name);

/// Named layers of different methods, in the order in which they were added: what an engine holds of a model.
///
/// A step, a refresh and a restore happen to all layers or, where one of them refuses, to none. Layers whose selector
/// is "global" have one sparsity budget, ranked together as the first of them says; ties are pruned in the first of
/// them first. Layers that the set makes share threads and scratch memory, so that no two may be called at once.
/// @ingroup any
template <class Scalar = float>
class LayerSet {
 public:
  using scalar = Scalar;
  using MutableView = MatrixView<Scalar>;

  /// `threads`, of all layers that the set makes: 0 for as many as there are.
  explicit LayerSet(int threads = 0) : LayerSet{share_cpu(threads)} {}
  explicit LayerSet(SharedCpu on) : on_{std::move(on)} {}
  LayerSet(LayerSet&&) noexcept = default;
  LayerSet& operator=(LayerSet&&) noexcept = default;

  /// Adds a layer, which has the same name or none. Throws Error when a layer of that name is there. References to
  /// layers stay valid while layers are added.
  AnyLinear<Scalar>& add(const std::string& name, AnyLinear<Scalar> layer);
  /// Makes a layer and adds it; it has the name `name`.
  AnyLinear<Scalar>& add(const std::string& name, LinearSpec spec, Shape shape);

  [[nodiscard]] std::size_t size() const noexcept { return layers_.size(); }
  [[nodiscard]] AnyLinear<Scalar>& operator[](std::size_t i) { return layers_[i]; }
  [[nodiscard]] const std::string& name(std::size_t i) const { return names_[i]; }
  /// The layer of this name. Throws Error, with the nearest names, when there is none.
  [[nodiscard]] AnyLinear<Scalar>& at(std::string_view name);
  [[nodiscard]] auto begin() noexcept { return layers_.begin(); }
  [[nodiscard]] auto end() noexcept { return layers_.end(); }

  // ---- a step
  void zero_gradients();
  /// AnyLinear::begin_step of all layers, or of none.
  template <std::integral Step, std::integral Steps>
  void begin_step(Step step, Steps steps) {
    take_step(static_cast<index_t>(step), static_cast<index_t>(steps));
  }
  /// AnyLinear::refresh of all layers, or of none.
  void refresh(double progress);

  // ---- parameters
  /// All parameters with their full names, as optimizers take them; valid until a layer is attached or bound again.
  [[nodiscard]] std::vector<Parameter<Scalar>> parameters();
  /// Where they stand in two runs, once all layers are attached.
  [[nodiscard]] SetLayout layout() const;
  /// AnyLinear::bind of all layers to parts of runs of parameters (1 x layout().own) and gradients (1 x layout().size).
  void bind(MutableView parameters, MutableView gradients, BoundRun holds = BoundRun::nothing);

  // ---- what there is to see
  [[nodiscard]] index_t kept() const;
  [[nodiscard]] index_t weights() const;    ///< of all layers, pruned ones too
  [[nodiscard]] index_t trainable() const;  ///< numbers that train
  /// The fraction of weights that are pruned.
  [[nodiscard]] double sparsity() const;
  [[nodiscard]] std::vector<MaskReport> reports();
  [[nodiscard]] MaskReport total_report();

  // ---- state
  /// The state of all layers; tensors are called "<name of the layer>/<name of the tensor>".
  [[nodiscard]] TensorList save();
  [[nodiscard]] std::vector<std::byte> save_bytes();
  /// Puts it back, bit for bit. Throws Error, having changed nothing, when it is not that of these layers: where kept
  /// weights of one trained when it was saved, `restore_kept` with `part_of` makes that one first.
  void restore(const TensorList& state);
  void restore_bytes(std::span<const std::byte> bytes);

 private:
  void take_step(index_t step, index_t steps);
  [[nodiscard]] std::vector<AnyLinear<Scalar>*> pointers();
  /// The full name of a parameter.
  [[nodiscard]] std::string full_name(std::size_t layer, std::string_view parameter) const;

  SharedCpu on_;
  std::deque<std::string> names_;
  std::deque<AnyLinear<Scalar>> layers_;
  std::deque<std::vector<std::string>> parameter_names_;  // as `parameters` shows them
};

}  // namespace pst::PST_ABI

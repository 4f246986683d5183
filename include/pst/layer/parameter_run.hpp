// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/function_ref.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/parameter.hpp"

namespace pst::PST_ABI {

/// Where the trained matrices of a layer live: in one run of values and one of gradients, its own or the engine's.
///
/// A part of SparseLinear, whose matrices it is shown by `each`, a function that calls another with every
/// TrainedMatrix in the order of the layout.
template <class Backend, class Scalar>
class ParameterRun {
 public:
  using Run = ViewOn<Backend, Scalar>;  ///< 1 x n
  using EachMatrix = FunctionRef<void(VisitMatrix<Backend, Scalar>)>;

  /// Lays the matrices out; there is no memory yet.
  void plan(const std::string& layer, EachMatrix each) {
    layout_ = {};
    each([&](const TrainedMatrix<Backend, Scalar>& matrix) {
      const std::string name = layer.empty() ? std::string{matrix.name()} : layer + '.' + std::string{matrix.name()};
      layout_.add(unused(name), matrix.group(), matrix.rows(), matrix.cols(), matrix.in_place());
    });
  }
  [[nodiscard]] const ParameterLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] bool bound() const noexcept { return bound_; }
  /// Whether the memory is the layer's own.
  [[nodiscard]] bool owned() const noexcept { return bound_ && own_; }

  /// Takes memory of its own; zeros.
  void allocate(EachMatrix each) {
    own_values_ = Matrix<Backend, Scalar>(1, layout_.own);
    own_gradients_ = Matrix<Backend, Scalar>(1, layout_.size);
    point_to(own_values_.view(), own_gradients_.view(), each);
    own_ = true;
  }
  /// Moves to the engine's memory; what is there stays.
  void bind(Run values, Run gradients, EachMatrix each) {
    point_to(values, gradients, each);
    own_ = false;
    own_values_ = {};
    own_gradients_ = {};
  }
  /// Moves to the engine's memory, and takes what was learnt in its own along.
  void move_to(Backend& on, Run values, Run gradients, EachMatrix each) {
    copy(on, values_, values);
    copy(on, gradients_, gradients);
    bind(values, gradients, each);
  }
  [[nodiscard]] Run values() const noexcept { return values_; }
  [[nodiscard]] Run gradients() const noexcept { return gradients_; }
  /// What is held here.
  [[nodiscard]] std::size_t bytes() const noexcept { return own_values_.bytes() + own_gradients_.bytes(); }

  static void copy(Backend& on, ViewOn<Backend, const Scalar> from, Run to) {
    if (!to.empty()) on.map(to, functors::Identity{}, from);
  }

 private:
  /// A name that no entry has: the second "score.A" is called "score.A#2".
  [[nodiscard]] std::string unused(const std::string& name) const {
    std::string candidate = name;
    for (int n = 2; taken(candidate); ++n) candidate = name + '#' + std::to_string(n);
    return candidate;
  }
  [[nodiscard]] bool taken(const std::string& name) const {
    for (const ParameterEntry& entry : layout_.entries)
      if (entry.name == name) return true;
    return false;
  }
  void point_to(Run values, Run gradients, EachMatrix each) {
    values_ = values, gradients_ = gradients;
    std::size_t i = 0;
    each([&](TrainedMatrix<Backend, Scalar>& matrix) {
      const ParameterEntry& entry = layout_.entries[i++];
      matrix.bind_grad({offset(gradients.data, entry.offset), entry.rows, entry.cols});
      if (!entry.in_place) matrix.bind_value({offset(values.data, entry.offset), entry.rows, entry.cols});
    });
    bound_ = true;
  }

  ParameterLayout layout_;
  Matrix<Backend, Scalar> own_values_, own_gradients_;
  Run values_{}, gradients_{};
  bool bound_ = false, own_ = false;
};

}  // namespace pst::PST_ABI

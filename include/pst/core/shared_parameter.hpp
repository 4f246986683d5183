// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"

namespace pst::PST_ABI {

/// A matrix that trains, outside of all layers and branches, which several of them read: one value and one gradient.
///
/// They are lent `parameter()` and add to its gradient one after another, in the order in which the model calls them,
/// so that the sum has the same bits for any number of threads. Only its owner zeroes the gradient, once a step, shows
/// the parameter to the optimizer, once, and saves it, once. Zeros at first.
///
///     SharedParameter<EigenCpu, float> rule{"rule", ParameterGroup::delta, 16, 4};
///     draw_rule(on, rule.value(), 4, 1e-2, seed);
///     BottleneckOf<KroneckerProjection>::State<EigenCpu, float> first{branch, on, 384, "a", 1, rule.parameter()};
///
template <class B, class Scalar>
class SharedParameter {
 public:
  SharedParameter(std::string name, ParameterGroup group, index_t rows, index_t cols)
      : name_{std::move(name)}, group_{group}, value_(rows, cols), grad_(rows, cols) {}
  SharedParameter(const SharedParameter&) = delete;  // others read it where it is
  SharedParameter& operator=(const SharedParameter&) = delete;

  [[nodiscard]] ViewOn<B, const Scalar> value() const { return value_.view(); }
  [[nodiscard]] ViewOn<B, Scalar> value() { return value_.view(); }
  [[nodiscard]] ViewOn<B, Scalar> grad() { return grad_.view(); }
  [[nodiscard]] index_t size() const { return value_.view().size(); }
  /// What those that read it are lent; valid as long as this lives.
  [[nodiscard]] Parameter<Scalar, typename B::space> parameter() { return {name_, group_, value(), grad()}; }
  void for_each_parameter(auto&& visit) { visit(parameter()); }
  void zero_gradients(B& on) { on.fill(grad(), Scalar{0}); }

 private:
  std::string name_;
  ParameterGroup group_;
  Matrix<B, Scalar> value_, grad_;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "pst/core/view.hpp"

namespace pst {

/// What a parameter is for, so that an engine can give scores or biases a learning rate of their own.
enum class ParameterGroup { weight, delta, score, bias };

/// A trained matrix and its gradient, as an optimizer sees them; both are views, and may have a row stride.
template <class Scalar, class Space = HostSpace>
struct Parameter {
  std::string_view name;
  ParameterGroup group = ParameterGroup::weight;
  MatrixView<Scalar, Space> value;
  MatrixView<Scalar, Space> grad;
};

}  // namespace pst

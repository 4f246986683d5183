// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

namespace pst {

/// The numbers a layer computes with. Scores are ranked by the bits of these two types, and of no others.
template <class Scalar>
concept FloatOrDouble = std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>;

}  // namespace pst

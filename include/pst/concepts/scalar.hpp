// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "pst/core/float16.hpp"

namespace pst::PST_ABI {

/// The numbers a layer computes with. Scores are ranked by the bits of these two types, and of no others.
template <class Scalar>
concept FloatOrDouble = std::is_same_v<Scalar, float> || std::is_same_v<Scalar, double>;

/// The numbers a weight may be stored as.
template <class Number>
concept StoredNumber = FloatOrDouble<Number> || std::is_same_v<Number, BFloat16> || std::is_same_v<Number, Half>;

}  // namespace pst::PST_ABI

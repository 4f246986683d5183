// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <type_traits>

#include "pst/concepts/role.hpp"

/// @defgroup bias Bias
/// Whether the bias of a layer trains.
namespace pst::PST_ABI {

/// `trained`, a constant, says whether the attached bias is trained, in place.
template <class P>
concept SaysWhetherTrained = requires {
  typename std::bool_constant<P::trained>;
};

/// A bias policy: plain data and one constant.
template <class P>
concept BiasPolicy = std::semiregular<P> && PlaysRole<P, roles::bias> && SaysWhetherTrained<P>;

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/role.hpp"

/// @defgroup bias Bias
/// Whether the bias of a layer trains.
namespace pst {

/// A bias policy: `trained` says whether the attached bias is trained, in place.
template <class P>
concept BiasPolicy = std::semiregular<P> && PlaysRole<P, roles::bias> && requires {
  requires std::same_as<decltype(P::trained), const bool>;
};

}  // namespace pst

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include "pst/concepts/role.hpp"
#include "pst/core/matrix.hpp"

/// @defgroup start Start of factors
/// What the factors of a low-rank product hold before the first step: for scores (A B) and deltas (U V) alike.
namespace pst::PST_ABI {

/// The factors of a product `scale * left * right` before the first step: views of zeros.
template <class View>
struct UnstartedFactors {
  View left;   ///< out x rank
  View right;  ///< rank x in
  double scale = 1.0;
  std::uint64_t seed = 0;  ///< draws random numbers
};

/// `write(backend, factors)` writes the first values, of which the product is zero.
template <class S, class B, class Scalar>
concept StartsFactors = requires(const S& start, B& on, UnstartedFactors<ViewOn<B, Scalar>> factors) {
  { start.write(on, factors) } -> std::same_as<void>;
};

/// A policy in the role of a start; what it can do is checked where it is used.
template <class S>
concept FactorStart = std::semiregular<S> && PlaysRole<S, roles::start>;

namespace detail {
template <class Policy, class Start>
struct WithStart {
  using type = Policy;
};
template <class Policy, class Start>
requires requires { typename Policy::template with_start<Start>; }
struct WithStart<Policy, Start> {
  using type = typename Policy::template with_start<Start>;
};
}  // namespace detail

/// The policy with another start of its factors, where it has any (`with_start<S>`); otherwise the policy itself.
template <class Policy, class Start>
using with_start_t = typename detail::WithStart<Policy, Start>::type;

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include "pst/concepts/branch.hpp"
#include "pst/concepts/role.hpp"
#include "pst/core/matrix.hpp"

/// @defgroup prompt Virtual tokens
/// Vectors that train and stand where no token is: in front of keys and values (prefix tuning), or of embedded tokens
/// (prompt tuning). What they are made from is a policy.
namespace pst::PST_ABI {

namespace roles {
struct reparameterisation {};
}  // namespace roles

/// `compute(backend, out)` writes the vectors, and `backward(backend, grad)` adds to the gradients of what trains, from
/// that of the vectors as they were computed last.
template <class State, class B, class Scalar>
concept MakesVectors = requires(State& state, B& on, ViewOn<B, const Scalar> grad, ViewOn<B, Scalar> out) {
  { state.compute(on, out) } -> std::same_as<void>;
  { state.backward(on, grad) } -> std::same_as<void>;
};

/// How virtual tokens come from what trains: plain data, with a `State<B, Scalar>` that is made for so many tokens of
/// so many features, a name in front of those of its parameters, and a seed.
template <class R, class B, class Scalar>
concept Reparameterisation = std::semiregular<R> && PlaysRole<R, roles::reparameterisation> &&
                             std::constructible_from < typename R::template State<B, Scalar>,
const R&, B&, Shape, std::string,
    std::uint64_t > &&MakesVectors<typename R::template State<B, Scalar>, B, Scalar>&&
                        HasItsParameters<typename R::template State<B, Scalar>, B>;

}  // namespace pst::PST_ABI

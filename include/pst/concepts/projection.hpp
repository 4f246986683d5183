// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include "pst/concepts/branch.hpp"
#include "pst/concepts/role.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/parameter.hpp"

namespace pst::PST_ABI {

/// How a projection of a bottleneck begins; normal and even numbers where its kind leaves the choice.
/// @ingroup adapter
enum class ProjectionStart { normal, uniform, zero };

/// `begin(backend, start, deviation, seed)` draws what trains, `compute(backend)` brings `weight()` (out x in) up to
/// date with it, and `backward(backend)` hands on what was added to `grad()`, which is zero again where it is scratch.
template <class State, class B, class Scalar>
concept FormsWeight = requires(State& state, const State& fixed, B& on, ProjectionStart start, double deviation,
                               std::uint64_t seed) {
  { state.begin(on, start, deviation, seed) } -> std::same_as<void>;
  { state.compute(on) } -> std::same_as<void>;
  { state.backward(on) } -> std::same_as<void>;
  { fixed.weight() } -> std::same_as<ViewOn<B, const Scalar>>;
  { state.grad() } -> std::same_as<ViewOn<B, Scalar>>;
};

/// What the weights of a bottleneck are made from: plain data, with a `State<B, Scalar>` that is made for a shape, a
/// name in front of those of its parameters, and a parameter that is shared with others, empty where there is none.
template <class P, class B, class Scalar>
concept Projection = std::semiregular<P> && PlaysRole<P, roles::projection> &&
                     std::constructible_from < typename P::template State<B, Scalar>,
const P&, B&, Shape, std::string,
    Parameter<Scalar, typename B::space> > &&FormsWeight<typename P::template State<B, Scalar>, B, Scalar>&&
                                               HasItsParameters<typename P::template State<B, Scalar>, B>;

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "pst/concepts/role.hpp"
#include "pst/core/matrix.hpp"

/// @defgroup adapter Branches on activations
/// What a small trained module adds to activations beside or behind frozen layers: bottleneck adapters, (IA)3.
namespace pst::PST_ABI {

/// `forward(backend, x, y, tape)` adds A(x) to y; `backward(backend, x, tape, grad_y, grad_x)` adds to the gradients of
/// what trains, and to grad_x unless it is empty. `Tape` keeps what backward needs; it is the caller's, and grows
/// alone.
template <class State, class B, class Scalar>
concept AddsToActivations = requires(State& state, B& on, ViewOn<B, const Scalar> in, ViewOn<B, Scalar> out,
                                     typename State::Tape& tape) {
  { state.forward(on, in, out, tape) } -> std::same_as<void>;
  { state.backward(on, in, tape, in, out) } -> std::same_as<void>;
};

/// `for_each_parameter(visit)` visits what trains, `zero_gradients(backend)` sets its gradients to zero, and
/// `parameters()` says how many numbers it is.
template <class State, class B>
concept HasItsParameters = requires(State& state, const State& fixed, B& on) {
  state.for_each_parameter([](const auto&) {});
  { state.zero_gradients(on) } -> std::same_as<void>;
  { fixed.parameters() } -> std::same_as<index_t>;
};

/// A branch: plain data, with a `State<B, Scalar>` that is made for a number of features, a name in front of those of
/// its parameters, and a seed.
template <class A, class B, class Scalar>
concept Branch = std::semiregular<A> && PlaysRole<A, roles::branch> &&
                 std::constructible_from < typename A::template State<B, Scalar>,
const A&, B&, index_t, std::string,
    std::uint64_t > &&AddsToActivations<typename A::template State<B, Scalar>, B, Scalar>&&
                        HasItsParameters<typename A::template State<B, Scalar>, B>;

}  // namespace pst::PST_ABI

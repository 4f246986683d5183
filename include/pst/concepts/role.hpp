// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "pst/core/config.hpp"

/// What a policy is for. A policy names one of these as its member type `role`, and fits in that slot of a
/// SparseLinear alone.
namespace pst::PST_ABI::roles {
struct importance {};
struct delta {};
struct rank {};
struct start {};
struct selector {};
struct schedule {};
struct straight_through {};
struct bias {};
struct backend {};
struct score_gradient {};
struct refresh {};
struct storage {};
struct branch {};      // beside layers, in no slot of one
struct projection {};  // of a branch
}  // namespace pst::PST_ABI::roles

namespace pst::PST_ABI {

/// The policy's member type `role` is the role of the slot it stands in.
template <class Policy, class Role>
concept PlaysRole = std::is_same_v<typename Policy::role, Role>;

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/any/implementation/layer_types.hpp"
#include "pst/any/linear.hpp"
#include "pst/any/registry.hpp"

namespace pst::PST_ABI::detail {

/// The layer of one of the library's methods, or what a registered maker makes.
template <class Scalar>
[[nodiscard]] AnyLinear<Scalar> make_any(const LinearSpec& spec, Shape shape, const SharedCpu& on) {
  check_spec(spec);
  if (const auto composition = composition_of(spec))
    return AnyLinear<Scalar>{make_known_layer<Scalar>(spec, *composition, shape, on)};
  return AnyLinear<Scalar>{registered_maker<Scalar>(spec.method)(spec, shape, on)};
}

}  // namespace pst::PST_ABI::detail

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/delta.hpp"

namespace pst::PST_ABI {

/// W~ = W0: the weight does not change, only scores learn. The plainest policy of its axis.
/// @ingroup delta
struct Frozen {
  using role = roles::delta;
  static constexpr bool in_place = false;
  static constexpr bool learns = false;

  template <class B, class Scalar>
  struct State {
    State(const Frozen&, B&, const LayerLayout&, ViewOn<B, const Scalar>) {}

    [[nodiscard]] ViewOn<B, const Scalar> effective(B&, Tile, ViewOn<B, const Scalar> base, ViewOn<B, Scalar>) const {
      return base;
    }
    void backward(B&, Tile, ViewOn<B, const Scalar>) {}
    void finish_backward(B&) {}
    void for_each_parameter(auto&&) {}
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }
  };
};

}  // namespace pst::PST_ABI

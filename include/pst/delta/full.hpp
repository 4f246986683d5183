// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/delta.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"

namespace pst {

/// W~ = W, and the attached weight itself is trained, in place: full fine-tuning.
///
/// Stores a gradient as large as the weight.
/// @ingroup delta
struct Full {
  using role = roles::delta;
  static constexpr bool in_place = true;

  template <class B, class Scalar>
  class State {
   public:
    State(const Full&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : grad_(layout.shape.out, layout.shape.in) {}

    void begin_step(B& on) { on.fill(grad_.view(), Scalar{0}); }
    [[nodiscard]] ViewOn<B, const Scalar> effective(B&, Tile, ViewOn<B, const Scalar> base, ViewOn<B, Scalar>) const {
      return base;
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar> grad_weight) {
      const ViewOn<B, Scalar> grad = tile.of(grad_.view());
      on.map(grad, functors::Add{}, grad, grad_weight);
    }
    void finish_backward(B&) {}
    void for_each_parameter(ViewOn<B, Scalar> weight, auto&& visit) {
      visit(Parameter<Scalar, typename B::space>{"weight", ParameterGroup::weight, weight, grad_.view()});
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return grad_.bytes(); }

   private:
    Matrix<B, Scalar> grad_;
  };
};

}  // namespace pst

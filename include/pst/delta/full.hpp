// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/delta.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/strided_view.hpp"

namespace pst::PST_ABI {

/// W~ = W, and the attached weight itself is trained, in place: full fine-tuning.
///
/// Needs a gradient as large as the weight. The weight is the caller's memory, and no copy of it is kept: where W' is
/// dense it is read as it is when it is read, and not as it was at the last refresh.
/// @ingroup delta
struct Full {
  using role = roles::delta;
  static constexpr bool in_place = true;
  static constexpr bool learns = true;

  template <class B, class Scalar>
  class State {
   public:
    State(const Full&, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : transposed_{layout.weight_is_transposed},
          weight_("weight", ParameterGroup::weight, transposed_ ? layout.shape.in : layout.shape.out,
                  transposed_ ? layout.shape.out : layout.shape.in, true) {}

    [[nodiscard]] ViewOn<B, const Scalar> effective(B&, Tile, ViewOn<B, const Scalar> base, ViewOn<B, Scalar>) const {
      return base;
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar> grad_weight) {
      if (!transposed_) return add(on, tile.of(weight_.grad()), grad_weight);
      const ViewOn<B, Scalar> grad = weight_.grad().middle_rows(tile.col, tile.cols).middle_cols(tile.row, tile.rows);
      add(on, grad, StridedView<const Scalar, typename B::space>{grad_weight}.transposed());
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&& visit) { visit(weight_); }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return 0; }

   private:
    static void add(B& on, ViewOn<B, Scalar> grad, auto more) {
      on.map(grad, functors::Add{}, ViewOn<B, const Scalar>{grad}, more);
    }

    bool transposed_;
    TrainedMatrix<B, Scalar> weight_;
  };
};

}  // namespace pst::PST_ABI

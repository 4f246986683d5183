// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "pst/concepts/delta.hpp"
#include "pst/concepts/rank.hpp"
#include "pst/concepts/start.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/strided_view.hpp"
#include "pst/delta/low_rank.hpp"

namespace pst::PST_ABI {

namespace functors {

/// The square.
struct Square {
  template <class T>
  PST_HD T operator()(T value) const {
    return value * value;
  }
};

/// The root of a sum of squares; NaN where that overflowed, so that it is refused and no row vanishes.
struct NormFromSquares {
  template <class T>
  PST_HD T operator()(T squares) const {
    return is_finite(squares) ? std::sqrt(squares) : std::numeric_limits<T>::quiet_NaN();
  }
};

/// a / b, and 0 where b is 0.
struct DivideOrZero {
  template <class T>
  PST_HD T operator()(T a, T b) const {
    return b == T{0} ? T{0} : a / b;
  }
};

}  // namespace functors

/// W~ = diag(m / |V|) V, where V is the weight that another update gives and |V| the norm of each of its rows: the
/// length of a row trains apart from its direction. m (out x 1) begins as the norms of W0, so that W~ is W0.
///
/// With LowRank this is DoRA (Liu et al. 2024), V = W0 + scale U V. As there (section 4.3) the norms count as constants
/// in the gradient: dV = diag(m / |V|) dW~ and dm = rowsum(dW~ .* V) / |V|. They are those of the last refresh, which
/// looks at the whole weight once; a mask that prunes W~ does not change them. A row of V that is zero has no
/// direction: W~ is zero there and m does not learn, until the other update gives it one.
/// @ingroup delta
template <class Inner = LowRank<>>
requires(!Inner::in_place) struct RowScaled {
  using role = roles::delta;
  static constexpr bool in_place = false;
  static constexpr bool learns = true;
  template <class Other>
  using with_rank = RowScaled<with_rank_t<Inner, Other>>;
  template <class Other>
  using with_start = RowScaled<with_start_t<Inner, Other>>;
  Inner inner{};

  template <class B, class Scalar>
  class State {
    using InnerState = typename Inner::template State<B, Scalar>;
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;
    static constexpr bool inner_follows = FollowsRefreshes<InnerState, B>;
    static_assert(LearnsFromWeightGradient<InnerState, B, Scalar>);

    /// Of every row (out x 1): the norm of V, and m / |V|.
    struct Rows {
      explicit Rows(index_t out) : norm(out, 1), ratio(out, 1) {}
      Matrix<B, Scalar> norm, ratio;
    };

   public:
    State(const RowScaled& delta, B& on, const LayerLayout& layout, ConstView weight)
        : inner_{delta.inner, on, layout, weight},
          magnitude_{layout, 1, "delta.m", ParameterGroup::delta},
          measured_{layout.shape.out},
          refreshed_{layout.shape.out} {}

    void start(B& on, ConstView weight) {
      if constexpr (HasAStart<InnerState, B, Scalar>) inner_.start(on, weight);
      constexpr index_t at_once = 64;
      Matrix<B, Scalar> squares(std::min(at_once, weight.rows), weight.cols);
      for (index_t first = 0; first < weight.rows; first += at_once) {
        const index_t count = std::min(at_once, weight.rows - first);
        measure_rows(on, weight.middle_rows(first, count), squares.view().middle_rows(0, count),
                     magnitude_.value().middle_rows(first, count));
      }
    }

    void begin_refresh(B& on) {
      refreshing_ = true;
      if constexpr (inner_follows) inner_.begin_refresh(on);
    }
    void end_refresh(B& on, bool accepted) {
      refreshing_ = false;
      if (accepted) std::swap(measured_, refreshed_);
      if constexpr (inner_follows) inner_.end_refresh(on, accepted);
    }
    void take_refreshed(B& on, const State& other) {
      on.map(refreshed_.norm.view(), functors::Identity{}, other.refreshed_.norm.view());
      on.map(refreshed_.ratio.view(), functors::Identity{}, other.refreshed_.ratio.view());
      if constexpr (inner_follows) inner_.take_refreshed(on, other.inner_);
    }

    [[nodiscard]] bool reads_weight() const noexcept { return true; }
    /// The norms of the rows of a block, and m / |V|, of the parameters as they are.
    void measure(B& on, Tile tile, ConstView base, MutableView scratch) {
      const MutableView norm = tile.rows_of(measured_.norm.view());
      measure_rows(on, inner_.effective(on, tile, base, scratch), scratch, norm);
      on.map(tile.rows_of(measured_.ratio.view()), functors::DivideOrZero{}, magnitude_.value(tile), ConstView{norm});
    }
    [[nodiscard]] ConstView effective(B& on, Tile tile, ConstView base, MutableView scratch) const {
      const ConstView direction = inner_.effective(on, tile, base, scratch);
      const Rows& rows = refreshing_ ? measured_ : refreshed_;
      on.map(scratch, functors::Multiply{}, direction, along_rows(rows.ratio, tile));
      return scratch;
    }
    void backward(B& on, Tile tile, ConstView base, MutableView scratch, MutableView grad_weight) {
      const ConstView direction = inner_.effective(on, tile, base, scratch), grad = grad_weight;
      on.map(scratch, functors::DivideOrZero{}, direction, along_rows(refreshed_.norm, tile));
      on.map(scratch, functors::Multiply{}, ConstView{scratch}, grad);
      on.row_sums(1.0, scratch, magnitude_.grad(tile));
      on.map(grad_weight, functors::Multiply{}, grad, along_rows(refreshed_.ratio, tile));
      inner_.backward(on, tile, grad);
    }
    void finish_backward(B& on) { inner_.finish_backward(on); }
    void for_each_parameter(auto&& visit) {
      inner_.for_each_parameter(visit);
      visit(magnitude_);
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept {
      return inner_.persistent_bytes() + 2 * (refreshed_.norm.bytes() + refreshed_.ratio.bytes());
    }

   private:
    /// norm (rows x 1) = the norms of rows; `squares` is scratch memory, and may be `rows`.
    static void measure_rows(B& on, ConstView rows, MutableView squares, MutableView norm) {
      on.map(squares, functors::Square{}, rows);
      on.fill(norm, Scalar{0});
      on.row_sums(1.0, squares, norm);
      on.map(norm, functors::NormFromSquares{}, ConstView{norm});
    }
    /// A number for each row of a tile, as a matrix that repeats it in every column.
    [[nodiscard]] static StridedView<const Scalar, typename B::space> along_rows(const Matrix<B, Scalar>& column,
                                                                                 Tile tile) {
      const ConstView rows = tile.rows_of(column.view());
      return {rows.data, rows.rows, tile.cols, rows.row_stride, 0};
    }

    InnerState inner_;
    RowFactor<B, Scalar> magnitude_;
    Rows measured_, refreshed_;
    bool refreshing_ = false;
  };
};

}  // namespace pst::PST_ABI

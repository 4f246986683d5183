// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>

#include "pst/concepts/importance.hpp"
#include "pst/core/error.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/terms.hpp"

namespace pst::PST_ABI {

/// S += abs(W~) .* (d a^T): a weight counts by what flows through it.
///
///     a_c = sqrt(m_c) / mean of all sqrt(m),  m_c the running mean of x_c^2          (1 x in)
///     d_r = sqrt(n_r) / mean of all sqrt(n),  n_r the running mean of (dL/dy_r)^2    (out x 1)
///
/// With inputs alone it is Wanda (Sun et al., "A Simple and Effective Pruning Approach for Large Language Models",
/// ICLR 2024), which ranks within rows (PerRow) and measures once where this measures while it trains. With gradients
/// too, S^2 is within a layer, but for a factor, what pruning costs in optimal brain damage (LeCun et al. 1990),
/// W~^2 F / 2, where the Fisher information of a weight is taken for E[x_c^2] E[(dL/dy_r)^2]. With neither it is
/// Magnitude. Factors have mean one in each layer, so that other scores weigh as they do beside Magnitude; between
/// layers (GlobalTopK) they say nothing.
///
/// Nothing is learnt: `backward` shows it every batch that the layer learns from, n tokens, and
/// m <- decay m + (1 - decay) x^2 / n. Before the first batch, and where all squares are 0, a factor is 1. Factors move
/// whenever W' is brought up to date. A side that is measured stores three numbers for each input or output, of which
/// `save` writes the mean, one that is not stores one. Ranks of a data-parallel run see different batches: they average
/// `for_each_statistic` before a step begins, as they do gradients, or their masks differ.
/// @ingroup importance
struct Wanda {
  using role = roles::importance;
  static constexpr bool learns = false;
  bool inputs = true;
  bool gradients = false;
  double decay = 0.99;  ///< from 0 (the last batch alone) to below 1

  /// One that overflows begins again.
  struct FiniteOrZero {
    template <class T>
    PST_HD T operator()(T value) const {
      return is_finite(value) ? value : T{0};
    }
  };
  struct FourthRoot {
    template <class T>
    PST_HD T operator()(T value) const {
      return std::sqrt(std::sqrt(value));
    }
  };
  struct SquareTimes {
    double scale;
    template <class T>
    PST_HD T operator()(T value) const {
      return static_cast<T>(scale) * (value * value);
    }
  };

  template <class B, class Scalar>
  class State {
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;

   public:
    State(const Wanda& metric, B& on, const LayerLayout& layout, ConstView)
        : input_{on, metric.inputs, layout.shape.in},
          gradient_{on, metric.gradients, layout.shape.out},
          decay_{metric.decay} {
      require(decay_ >= 0 && decay_ < 1, "the decay of running means is ", decay_, ", expected 0 to below 1");
    }

    [[nodiscard]] auto score_terms(Tile tile, const auto& weight) const {
      return std::tuple{scaled(tile, terms::Absolute<std::decay_t<decltype(weight)>>{weight})};
    }
    void score(B& on, Tile tile, ConstView weight, MutableView scores) const {
      terms::add_to(on, scores, score_terms(tile, weight));
    }
    /// dW~ += dS .* (d a^T) .* sign(W~)
    void backward(B& on, Tile tile, ConstView weight, ConstView grad_scores, MutableView grad_weight) {
      on.sum_terms(grad_weight, ConstView{grad_weight},
                   scaled(tile, terms::SignedAs<ConstView, ConstView>{grad_scores, weight}));
    }
    void finish_backward(B&) {}
    void for_each_parameter(auto&&) {}

    void observe(B& on, ConstView x, ConstView grad_y) {
      input_.observe(on, decay_, x);
      gradient_.observe(on, decay_, grad_y);
    }
    void for_each_statistic(auto&& visit) {
      if (input_.is_measured()) visit(std::string_view{"score.inputs"}, input_.squares());
      if (gradient_.is_measured()) visit(std::string_view{"score.gradients"}, gradient_.squares());
    }
    void begin_refresh(B& on) {
      input_.begin_refresh(on);
      gradient_.begin_refresh(on);
    }
    void end_refresh(B&, bool accepted) {
      if (accepted) return;
      input_.go_back();
      gradient_.go_back();
    }
    void take_refreshed(B& on, const State& other) {
      input_.take(on, other.input_);
      gradient_.take(on, other.gradient_);
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return input_.bytes() + gradient_.bytes(); }

   private:
    /// The running mean of squares (1 x n), and the factors of scores; factors alone, all 1, where nothing is measured.
    class Side {
     public:
      Side(B& on, bool is_measured, index_t size) : factors_(1, size) {
        on.fill(factors_.view(), Scalar{1});
        if (!is_measured) return;
        squares_ = Numbers(1, size), before_ = Numbers(1, size);
        on.fill(before_.view(), Scalar{1});
      }
      [[nodiscard]] bool is_measured() const noexcept { return squares_.bytes() > 0; }
      [[nodiscard]] MutableView squares() { return squares_.view(); }
      [[nodiscard]] ConstView factors() const { return factors_.view(); }
      [[nodiscard]] std::size_t bytes() const noexcept { return squares_.bytes() + factors_.bytes() + before_.bytes(); }

      /// Sums of columns, some at a time: the same bits on any number of threads.
      void observe(B& on, double share_of_before, ConstView batch) {
        if (!is_measured() || batch.rows == 0) return;
        constexpr index_t at_once = 64;
        const double share = (1 - share_of_before) / static_cast<double>(batch.rows);
        on.for_each_part((batch.cols + at_once - 1) / at_once, [&](index_t part, index_t) {
          const index_t first = part * at_once, count = std::min(at_once, batch.cols - first);
          const MutableView some = squares_.view().middle_cols(first, count);
          on.map(some, functors::Scale{share_of_before}, ConstView{some});
          on.column_squares(share, batch.middle_cols(first, count), some);
          on.map(some, FiniteOrZero{}, ConstView{some});
        });
      }
      void begin_refresh(B& on) {
        if (!is_measured()) return;
        std::swap(factors_, before_);
        const MutableView out = factors_.view();
        on.map(out, FourthRoot{}, ConstView{squares_.view()});
        const double mean = on.squared_norm(ConstView{out}) / static_cast<double>(out.cols);
        if (mean > 0 && std::isfinite(mean))
          on.map(out, SquareTimes{1 / mean}, ConstView{out});
        else
          on.fill(out, Scalar{1});
      }
      void go_back() {
        if (is_measured()) std::swap(factors_, before_);
      }
      void take(B& on, const Side& other) {
        on.map(factors_.view(), functors::Identity{}, other.factors());
        if (is_measured()) on.map(squares_.view(), functors::Identity{}, ConstView{other.squares_.view()});
      }

     private:
      using Numbers = Matrix<B, Scalar>;
      Numbers squares_{}, factors_, before_{};
    };

    /// A term of a tile times d a^T.
    template <class Term>
    [[nodiscard]] auto scaled(Tile tile, Term term) const {
      const ConstView of_rows = gradient_.factors();
      const ConstView column{of_rows.data, of_rows.cols, 1};
      return terms::Scaled<Term, ConstView>{term, tile.rows_of(column), tile.cols_of(input_.factors())};
    }

    Side input_, gradient_;
    double decay_;
  };
};

}  // namespace pst::PST_ABI

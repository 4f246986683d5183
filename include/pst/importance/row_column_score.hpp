// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pst/concepts/importance.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/terms.hpp"

namespace pst::PST_ABI {

/// S += scale * (R 1^T + 1 C^T), with R (out x 1) and C (1 x in) zero at first.
///
/// Whole outputs and whole inputs gain or lose importance: the structured part of PST (alpha2).
/// @ingroup importance
struct RowColumnScore {
  using role = roles::importance;
  static constexpr bool learns = true;
  double scale = 1.0;

  template <class B, class Scalar>
  class State {
   public:
    State(const RowColumnScore& metric, B&, const LayerLayout& layout, ViewOn<B, const Scalar>)
        : rows_(layout, 1, "score.R", ParameterGroup::score),
          columns_(layout, 1, "score.C", ParameterGroup::score),
          scale_{metric.scale} {}

    [[nodiscard]] auto score_terms(Tile tile, const auto&) const {
      return std::tuple{terms::OuterSum<ViewOn<B, const Scalar>>{scale_, rows_.value(tile), columns_.value(tile)}};
    }
    void score(B& on, Tile tile, ViewOn<B, const Scalar> weight, ViewOn<B, Scalar> scores) const {
      terms::add_to(on, scores, score_terms(tile, weight));
    }
    void backward(B& on, Tile tile, ViewOn<B, const Scalar>, ViewOn<B, const Scalar> grad_scores, ViewOn<B, Scalar>) {
      on.row_sums(scale_, grad_scores, rows_.grad(tile));
      on.column_sums(scale_, grad_scores, columns_.grad_share(tile));
    }
    void finish_backward(B& on) { columns_.finish_backward(on); }
    void for_each_parameter(auto&& visit) {
      visit(rows_);
      visit(columns_);
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept { return columns_.bytes(); }

   private:
    RowFactor<B, Scalar> rows_;
    ColumnFactor<B, Scalar> columns_;
    double scale_;
  };
};

}  // namespace pst::PST_ABI

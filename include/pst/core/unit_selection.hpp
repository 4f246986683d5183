// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"

namespace pst::PST_ABI {

/// Writes 0 for the `pruned` lowest scores and 1 for the others; of equal scores, the lower index is pruned first.
template <class Scalar>
void select_units(std::span<const Scalar> scores, index_t pruned, std::span<std::uint8_t> kept) {
  using Select = RadixSelect<OrderKey<Scalar>>;
  Select select;
  select.begin(pruned);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(Select::Digit::bins));
  for (; select.searching(); select.choose(counts)) {
    counts.assign(counts.size(), 0);
    for (Scalar score : scores)
      if (const auto key = order_key(score); select.digit().counts(key))
        ++counts[static_cast<std::size_t>(select.digit().bin(key))];
  }
  index_t ties = select.ties();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const auto key = order_key(scores[i]);
    if (select.none() || key > select.threshold())
      kept[i] = 1;
    else
      kept[i] = key == select.threshold() && ties-- <= 0;
  }
}

/// Ranks units larger than a weight (rows, columns, tiles): one pass fills their scores, the lowest are pruned.
template <class B, class Scalar>
class UnitSelection {
 public:
  /// `rows` x `cols` units; ties are pruned in row-major order.
  UnitSelection(index_t rows, index_t cols)
      : scores_(rows, cols),
        kept_(rows, cols),
        host_(static_cast<std::size_t>(rows * cols)),
        host_kept_(host_.size()) {}

  void begin(B& on, double sparsity) {
    pruned_ = pruned_count(scores_.view().size(), sparsity);
    ranked_ = false;
    on.fill(scores_.view(), Scalar{0});
  }
  [[nodiscard]] bool wants_pass() const { return !ranked_; }
  void end_pass(B& on) {
    ranked_ = true;
    const ViewOn<B, Scalar> scores = scores_.view();
    on.copy_out(scores, MatrixView<Scalar>{host_.data(), scores.rows, scores.cols});
    select_units(std::span<const Scalar>{host_}, pruned_, std::span{host_kept_});
    on.copy_in(MatrixView<const std::uint8_t>{host_kept_.data(), scores.rows, scores.cols}, kept_.view());
  }
  /// What a pass fills.
  [[nodiscard]] ViewOn<B, Scalar> unit_scores() { return scores_.view(); }
  /// 1 where a unit is kept, after the pass.
  [[nodiscard]] ViewOn<B, const std::uint8_t> unit_kept() { return kept_.view(); }

 private:
  Matrix<B, Scalar> scores_;
  Matrix<B, std::uint8_t> kept_;
  std::vector<Scalar> host_;
  std::vector<std::uint8_t> host_kept_;
  index_t pruned_ = 0;
  bool ranked_ = false;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <iomanip>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "pst/core/view.hpp"

namespace pst::PST_ABI {

/// What the mask of a layer looks like, and what the layer costs.
/// @ingroup layer
struct MaskReport {
  std::string name;
  Shape shape;
  double target_sparsity = 0;  ///< what the schedule asked for
  index_t kept = 0;            ///< weights that the mask keeps
  index_t dropped = 0;         ///< kept before the last refresh, pruned now
  index_t regrown = 0;         ///< pruned before the last refresh, kept now; the first refresh changes nothing
  std::vector<index_t> kept_per_row;
  std::vector<index_t> kept_per_column;
  std::size_t dense_bytes = 0;       ///< the weight as it was
  std::size_t compressed_bytes = 0;  ///< the kept weights as values and a bit mask, without offsets of rows
  std::size_t training_bytes = 0;    ///< what the layer holds besides the borrowed weight and bias, and the selector
  std::size_t scratch_bytes = 0;     ///< scratch memory besides; layers with copies of one EigenCpu share it
  index_t trainable = 0;             ///< trained numbers, in all

  /// The fraction of weights that are pruned.
  [[nodiscard]] double achieved_sparsity() const noexcept {
    return shape.size() == 0 ? 0 : 1 - static_cast<double>(kept) / static_cast<double>(shape.size());
  }
  /// The fraction of mask bits that the last refresh changed.
  [[nodiscard]] double churn() const noexcept {
    return shape.size() == 0 ? 0 : static_cast<double>(dropped + regrown) / static_cast<double>(shape.size());
  }
};

/// Counts the weights that a mask keeps, row by row and column by column.
inline void count_kept(MaskView<const mask_word> mask, MaskReport& report) {
  report.kept_per_row.assign(static_cast<std::size_t>(mask.rows), 0);
  report.kept_per_column.assign(static_cast<std::size_t>(mask.cols), 0);
  for (index_t r = 0; r < mask.rows; ++r)
    for (index_t c = 0; c < mask.cols; ++c) {
      report.kept_per_row[static_cast<std::size_t>(r)] += mask(r, c);
      report.kept_per_column[static_cast<std::size_t>(c)] += mask(r, c);
    }
}

/// The reports of several layers added up; its rows and columns are left out, and scratch memory, which layers of one
/// backend share, is the largest.
/// @ingroup layer
[[nodiscard]] inline MaskReport total_of(std::span<const MaskReport> reports) {
  MaskReport total;
  total.name = "total";
  double pruned = 0;
  for (const MaskReport& one : reports) {
    total.shape = {total.shape.size() + one.shape.size(), 1};
    pruned += one.target_sparsity * static_cast<double>(one.shape.size());
    total.kept += one.kept;
    total.dropped += one.dropped;
    total.regrown += one.regrown;
    total.dense_bytes += one.dense_bytes;
    total.compressed_bytes += one.compressed_bytes;
    total.training_bytes += one.training_bytes;
    total.scratch_bytes = std::max(total.scratch_bytes, one.scratch_bytes);
    total.trainable += one.trainable;
  }
  if (total.shape.size() > 0) total.target_sparsity = pruned / static_cast<double>(total.shape.size());
  return total;
}

/// Prints a table: a line for each layer and one for their total. Percentages of trainables are of the layer's own
/// dense weight.
/// @ingroup layer
inline void print(std::ostream& out, std::span<const MaskReport> reports) {
  const auto flags = out.flags();
  const auto precision = out.precision();
  std::size_t width = 8;
  for (const MaskReport& one : reports) width = std::max(width, one.name.size() + 2);
  const auto line = [&](const MaskReport& one) {
    const double size = static_cast<double>(one.shape.size());
    out << std::left << std::setw(static_cast<int>(width)) << one.name << std::right << std::fixed
        << std::setprecision(2) << std::setw(8) << 100 * one.target_sparsity << std::setw(10)
        << 100 * one.achieved_sparsity() << std::setw(8) << 100 * one.churn() << std::setw(10) << one.regrown
        << std::setw(12) << one.trainable << std::setw(9) << 100 * static_cast<double>(one.trainable) / size
        << std::setw(12) << one.dense_bytes << std::setw(12) << one.compressed_bytes << '\n';
  };
  out << std::left << std::setw(static_cast<int>(width)) << "layer" << std::right << std::setw(8) << "target%"
      << std::setw(10) << "achieved%" << std::setw(8) << "churn%" << std::setw(10) << "regrown" << std::setw(12)
      << "trainable" << std::setw(9) << "%dense" << std::setw(12) << "dense B" << std::setw(12) << "sparse B" << '\n';
  for (const MaskReport& one : reports) line(one);
  if (reports.size() > 1) line(total_of(reports));
  out.flags(flags);
  out.precision(precision);
}

}  // namespace pst::PST_ABI

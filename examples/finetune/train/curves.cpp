// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/curves.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/plot.hpp"

namespace finetune {

namespace {

using common::Curve;
using common::Plot;

}  // namespace

std::string draw_run(const std::string& title, std::span<const Record> records, std::int64_t steps) {
  Curve train{"training", {}}, dev{"dev data", {}}, sparsity{"sparsity", {}};
  std::vector<Curve> scores;
  bool is_sparse = false;
  for (const Record& record : records) {
    const auto step = static_cast<double>(record.step);
    if (record.loss) train.points.push_back({step, *record.loss});
    if (record.dev_loss) dev.points.push_back({step, *record.dev_loss});
    sparsity.points.push_back({step, 100 * record.sparsity});
    is_sparse = is_sparse || record.sparsity > 0;
    for (const Record::Named& score : record.scores) {
      if (std::isnan(score.value)) continue;
      auto curve = std::ranges::find(scores, score.name, &Curve::name);
      if (curve == scores.end()) curve = scores.insert(scores.end(), {score.name, {}});
      curve->points.push_back({step, score.value});
    }
  }
  const auto all = static_cast<double>(std::max<std::int64_t>(1, steps));
  std::vector<Plot> plots{{"Loss", {train, dev}}};
  if (!scores.empty()) plots.push_back({"Scores on the dev data", scores});
  if (is_sparse)
    plots.push_back({"Sparsity of the linear layers in the blocks, %", {sparsity}, common::Axis::from_zero});
  return common::draw_plots(title, plots, all, "optimizer steps");
}

}  // namespace finetune

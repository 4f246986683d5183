// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "finetune/run/settings.hpp"
#include "finetune/train/trainer.hpp"

namespace finetune {

/// What the command line of `train` says.
struct TrainOptions {
  Settings settings;
  std::vector<double> sparsities;  ///< to be searched; empty: there is one run, of that in `settings`
  double lose_at_most = 2;         ///< of the search, points below dense
  double dense_rate = 0;           ///< of the search; 0: that of the method full
  std::filesystem::path out;
  std::filesystem::path to_folder;     ///< empty: nothing is exported
  std::filesystem::path dense_result;  ///< the folder of a dense run to compare with; empty: none
  Watch watch;
  bool dry_run = false;
  std::string recipe;
};

/// Adds all options of `train`. The result completes `options` after the command line is read: with the rates of the
/// method or the values of the recipe, where none were given.
[[nodiscard]] std::function<void()> add_options(CLI::App& command, TrainOptions& options);

}  // namespace finetune

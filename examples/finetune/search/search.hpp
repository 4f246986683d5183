// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "finetune/evaluate/baseline.hpp"
#include "finetune/run/settings.hpp"
#include "finetune/train/trainer.hpp"

namespace finetune {

/// What to search: the sparsest model that is still good.
struct SearchPlan {
  Settings settings;               ///< of every sparse run, whatever their sparsity
  std::vector<double> sparsities;  ///< to be tried, each once
  double lose_at_most = 2;         ///< points below the dense score; a point is a hundredth of the metric
  std::filesystem::path out;       ///< a folder for the folders of all runs
  double dense_rate = 0;           ///< learning rate of the dense run; 0: that of the method full
  std::filesystem::path dense;     ///< the folder of a dense run that has ended; empty: one is trained
  Watch watch;
};

/// A trained model, as it is when it is asked: the weights of the linear layers in its blocks are compressed, those of
/// the dense model are not.
struct Candidate {
  std::filesystem::path run;
  double sparsity = 0;       ///< that was asked for; 0: the dense model
  Standing standing;         ///< on the first dev data
  std::uintmax_t bytes = 0;  ///< of all numbers of the model
  double milliseconds = 0;   ///< for a sequence, on one thread
};

struct SearchResult {
  std::string metric;
  double lose_at_most = 2;
  std::vector<Candidate> candidates;  ///< the dense model, then the others from the least sparse on
  std::optional<std::size_t> chosen;  ///< the sparsest that has learnt something and does not lose more than that
  std::string verdict;                ///< a sentence
};

/// What a candidate loses against the dense one, in points; NaN where one of the scores is undefined.
[[nodiscard]] double points_lost(const Candidate& dense, const Candidate& candidate);

/// Fills `chosen` and `verdict` from the candidates.
void choose(SearchResult& result);

/// The settings of the dense run that others are compared with: every weight trains, with the rates of the method full.
[[nodiscard]] Settings dense_settings(const SearchPlan& plan);

/// The folder of a run within that of the search: `dense`, `sparsity-0.5`.
[[nodiscard]] std::filesystem::path run_folder(const std::filesystem::path& out, double sparsity);

/// Throws pst::Error on a plan that cannot be searched, and on a folder that holds something else than a search.
void check(const SearchPlan& plan);

/// Trains the dense model and each sparse one in a folder of its own, and asks them. Runs that are finished are kept,
/// and one that was interrupted goes on, so the same plan goes on where it was stopped, and one with other sparsities
/// trains these alone. Where the dense model has learnt nothing, no other is trained. Throws Interrupted when asked to
/// stop, and pst::Error.
[[nodiscard]] SearchResult search(const SearchPlan& plan);

}  // namespace finetune

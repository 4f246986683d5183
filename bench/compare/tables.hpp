// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "blas.hpp"
#include "measure.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "progress.hpp"

namespace compare {

/// What a part of a table measures with, and where its results go.
struct Run {
  const Options& options;
  const std::vector<Blas>& libraries;
  std::ostream& out;
  Progress& progress;
};

/// One table of one shape, all columns of which are timed in turns.
struct Part {
  std::string title;
  double work = 0;                                      ///< as Progress counts
  std::function<nlohmann::ordered_json(Run&)> measure;  ///< prints the table and returns it
};

/// Table 1: the steps of training, and their parts.
[[nodiscard]] Part training_steps(pst::Shape shape, const Options& options, const ExtraMemory& memory);
/// Table 2: forward products of few tokens.
[[nodiscard]] Part few_tokens(pst::Shape shape, const Options& options);
/// Table 3: a step on more and more threads.
[[nodiscard]] Part more_threads(pst::Shape shape, const Options& options);
/// Table 4: products of more and more kept weights, and where a dense one is faster.
[[nodiscard]] Part more_density(pst::Shape shape, const Options& options);

/// "3072 x 768", outputs first.
[[nodiscard]] std::string name_of(pst::Shape shape);
/// Operations of `products` dense products, in all rounds.
[[nodiscard]] double work_of(pst::Shape shape, double tokens, double products, const Options& options);
/// A timing with its quartiles and rounds, for the file.
[[nodiscard]] nlohmann::ordered_json to_json(const Timing& timing);
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<Timing>& timings);

}  // namespace compare

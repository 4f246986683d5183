// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/tensor.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace finetune {

/// How far a run is, besides its tensors. The order of the data and what is dropped follow from seed and step.
struct RunState {
  std::int64_t step = 0;                  ///< steps that are done
  std::int64_t steps = 1;                 ///< steps of the whole run
  std::string base = {};                  ///< fingerprint of the model that the run began from
  std::string data = {};                  ///< fingerprint of its data; the first runs have none
  std::optional<double> best_score = {};  ///< on the dev data, the higher the better
  std::optional<double> best_error = {};  ///< its standard error; the first runs have none
  std::int64_t best_step = 0;
  int evaluations_since_best = 0;
};

/// The state of a run, to go on from bit for bit. Taken between a step of the optimizer and the next `begin_step`.
struct Snapshot {
  RunState state;
  pst::TensorList model;                             ///< of Model::save
  std::map<std::string, pst::TensorList> optimizer;  ///< of each group of parameters; none where only asked
};

/// Writes a snapshot that is there whole or not at all.
void write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot);
/// Throws pst::Error on a file that is no snapshot.
[[nodiscard]] Snapshot read_snapshot(const std::filesystem::path& path);

}  // namespace finetune

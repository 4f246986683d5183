// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/trained_run.hpp"

#include <pst/core/error.hpp>

#include <utility>

#include "finetune/run/base_model.hpp"

namespace finetune {

TrainedRun load_run(const std::filesystem::path& folder, Checkpoint which, const std::filesystem::path& base_folder) {
  Settings settings = read_settings(folder);
  if (!base_folder.empty()) settings.model = std::filesystem::weakly_canonical(base_folder);
  const std::filesystem::path file = snapshot_file(folder, which);
  std::error_code ignored;
  pst::require(std::filesystem::is_regular_file(file, ignored), folder.string(), ": has no ",
               which == Checkpoint::best ? "best" : "last", " state yet, training has not come that far");
  pst::require(std::filesystem::is_directory(settings.model, ignored), folder.string(),
               ": the model that the run began from is not in ", settings.model.string(),
               " any more: say where it is by --base");
  const Snapshot snapshot = read_snapshot(file);
  BaseModel base = load_base(settings);
  restore(base, snapshot, file);
  // The mask of the best state is the one that was scored; that of the last state is older than its scores.
  if (which == Checkpoint::last) base.loaded.model->begin_step(snapshot.state.step, snapshot.state.steps);
  return {std::move(settings), std::move(base.loaded.model), std::move(base.tokenizer)};
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/file_descriptor.hpp>

#include <filesystem>
#include <optional>
#include <string>

#include "finetune/run/settings.hpp"
#include "finetune/run/snapshot.hpp"

namespace finetune {

/// Which state of a run: that with the best score on the dev data, or the last one.
enum class Checkpoint { best, last };

/// Where things are in the folder of a run.
[[nodiscard]] std::filesystem::path settings_file(const std::filesystem::path& folder);
[[nodiscard]] std::filesystem::path snapshot_file(const std::filesystem::path& folder, Checkpoint which);

/// The settings of a run; throws pst::Error when `folder` is not that of a run.
[[nodiscard]] Settings read_settings(const std::filesystem::path& folder);

/// The folder of a run that trains. At any moment the files in it are whole, so the run can go on from there.
class RunFolder {
 public:
  /// Takes a new or empty folder, or one with the same settings, which then goes on. Where model and data are does not
  /// matter, their fingerprints tell whether they are the same. Throws pst::Error, having changed nothing, on any
  /// other, and when another process trains in it.
  RunFolder(std::filesystem::path folder, const Settings& settings);

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_; }
  /// The last state, if there is one.
  [[nodiscard]] std::optional<Snapshot> last() const;
  void save(Checkpoint which, const Snapshot& snapshot) const;
  /// Of a run that goes on, once its fingerprints have been compared: its model or data may have moved.
  void write_settings(const Settings& settings) const;
  /// Takes away what the constructor made, of a run that was refused before its first step.
  void abandon() const noexcept;

 private:
  std::filesystem::path folder_;
  bool is_new_ = false;  ///< there was no such folder
  pst::io::FileDescriptor lock_;
};

}  // namespace finetune

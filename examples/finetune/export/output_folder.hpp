// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>

namespace finetune {

/// Throws pst::Error when two of the places to write are one, or when one is that of the run or of its base model: a
/// run needs both. Links are followed; places that are not there yet are compared by name.
void check_targets(std::span<const std::filesystem::path> targets, const std::filesystem::path& run,
                   const std::filesystem::path& base);

/// A folder that appears whole or not at all: files are written to a temporary one beside it, which `commit` renames.
/// Where the file system can exchange two names, there is a whole folder at `target` at any moment of a replacement.
class OutputFolder {
 public:
  /// Throws pst::Error when something is at `target`, unless `overwrite` is set and it is a folder that an export could
  /// have written: with a configuration, and nothing but files of models.
  OutputFolder(std::filesystem::path target, bool overwrite);
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder();

  /// Where to write.
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return temporary_; }
  /// Gives the folder its name; what was there is removed. Throws pst::Error, and leaves it, where the constructor
  /// would have thrown: something may have come to `target` meanwhile.
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  bool overwrite_;
};

/// A file that appears only once it was checked: it is written in a temporary folder beside its place.
class OutputFile {
 public:
  /// Throws pst::Error when something is at `target`, unless `overwrite` is set and it is a plain file.
  OutputFile(std::filesystem::path target, bool overwrite);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  /// Where to write.
  [[nodiscard]] std::filesystem::path path() const { return folder_ / target_.filename(); }
  /// As OutputFolder::commit.
  void commit();

 private:
  std::filesystem::path target_, folder_;
  bool overwrite_;
};

/// For a file that is written at the end of some work: throws pst::Error, before it begins, when something is at
/// `target`, unless `overwrite` is set and it is a plain file, or when there is no folder to write it to. `option` is
/// what the command line calls it.
void check_output_file(const std::filesystem::path& target, const char* option, bool overwrite);

/// Copies what a tokenizer is read from, as far as `from` has it.
void copy_tokenizer_files(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace finetune

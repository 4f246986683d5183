// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/checkpoint.hpp>

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/names.hpp"

namespace finetune {

/// The tensors of a folder by the names that the class of the task would give them, whatever they are called there:
/// with or without the prefix of the model, behind the prefix of a wrapper as torch.compile and DataParallel are, in
/// old spellings, or, where two are one in the model, under the name of the other one alone.
class StoredTensors {
 public:
  StoredTensors(const std::filesystem::path& folder, const ModelConfig& config);

  /// The tensor of this name, or null. Throws pst::Error when there are two, in an old and a new spelling.
  [[nodiscard]] const pst::io::TensorEntry* find(const std::string& name) const;
  /// The same, which must be there with this shape; it is not unused then.
  [[nodiscard]] const pst::io::TensorEntry& require(const ExpectedTensor& expected);
  /// Its numbers, all finite.
  [[nodiscard]] std::vector<float> read(const std::string& name) const;
  /// The tensors that were not required, by their names without wrappers, and without buffers that are no weights.
  [[nodiscard]] std::vector<std::string> unused() const;
  [[nodiscard]] const std::string& source() const noexcept { return file_.source(); }

 private:
  void read_names();
  void check_tied_head(const ModelConfig& config);
  [[nodiscard]] const pst::io::TensorEntry* find_tied(const std::string& name) const;
  [[nodiscard]] std::string names_met(const ExpectedTensor& expected) const;

  pst::io::Checkpoint file_;
  std::string prefix_;
  std::vector<ExpectedTensor> expected_;
  std::map<std::string, const pst::io::TensorEntry*>
      by_name_;  ///< without the prefixes of wrappers; tied ones have two
  std::set<const pst::io::TensorEntry*> used_;
};

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/checkpoint.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "finetune/model/names.hpp"

namespace finetune {

/// The tensors of a folder by the names that the class of the task would give them, whatever they are called there.
class StoredTensors {
 public:
  StoredTensors(const std::filesystem::path& folder, const ModelConfig& config);

  /// The tensor of this name, or null. Throws pst::Error when there are two, in an old and a new spelling.
  [[nodiscard]] const pst::io::TensorEntry* find(const std::string& name) const;
  /// The same, which must be there with this shape; it is not unused then.
  [[nodiscard]] const pst::io::TensorEntry& require(const ExpectedTensor& expected);
  /// Its numbers, all finite.
  [[nodiscard]] std::vector<float> read(const std::string& name) const;
  /// The tensors that were not required, without buffers that are no weights.
  [[nodiscard]] std::vector<std::string> unused() const;
  [[nodiscard]] const std::string& source() const noexcept { return file_.source(); }

 private:
  void check_tied_head(const ModelConfig& config);

  pst::io::Checkpoint file_;
  std::string prefix_;
  std::set<std::string_view> used_;
};

}  // namespace finetune

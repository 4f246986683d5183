// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>
#include <pst/core/order_key.hpp>
#include <pst/io/elements.hpp>
#include <pst/io/safetensors.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "finetune/export/tensor_faults.hpp"

namespace finetune {

using FileShape = std::vector<index_t>;

/// The tensors of an adapter, of which each is taken once.
class AdapterTensors {
 public:
  /// `prefix` stands in front of the names of the model's tensors.
  AdapterTensors(const std::filesystem::path& path, std::string prefix)
      : file_{pst::io::Safetensors::open(path)}, prefix_{std::move(prefix)} {
    for (const pst::io::TensorEntry& entry : file_.entries()) left_.insert(entry.name);
  }
  [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
  [[nodiscard]] bool has(const std::string& name) const { return file_.find(prefix_ + name) != nullptr; }
  [[nodiscard]] FileShape shape_of(const std::string& name) const { return file_.find(prefix_ + name)->shape; }
  /// The numbers; nothing, and a fault, where the tensor is not there or has another shape.
  [[nodiscard]] std::vector<float> take(const std::string& name, const FileShape& shape, TensorFaults& faults) {
    return take_whole(prefix_ + name, shape, faults);
  }
  /// The same for a name that has no prefix.
  [[nodiscard]] std::vector<float> take_whole(const std::string& name, const FileShape& shape, TensorFaults& faults) {
    const pst::io::TensorEntry* const entry = file_.find(name);
    left_.erase(name);
    if (entry == nullptr) {
      faults.missing(name);
      return {};
    }
    if (entry->shape != shape) {
      faults.misshaped(name, sides_text(shape));
      return {};
    }
    std::vector<float> numbers = pst::io::read_elements<float>(*entry, file_.source());
    for (const float number : numbers)
      pst::require(pst::is_finite(number), file_.source(), ": tensor ", name, " holds ", number,
                   ", expected finite numbers");
    return numbers;
  }
  /// Those that nobody took.
  [[nodiscard]] const std::set<std::string>& left() const noexcept { return left_; }
  [[nodiscard]] const std::string& source() const noexcept { return file_.source(); }

 private:
  pst::io::Safetensors file_;
  std::string prefix_;
  std::set<std::string> left_;
};

}  // namespace finetune

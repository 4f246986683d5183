// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/io/elements.hpp"
#include "pst/io/tensor_entry.hpp"

namespace pst::PST_ABI::io {

/// Named tensors that can be looked up: what Safetensors and Checkpoint have in common.
/// @ingroup io
class TensorTable {
 public:
  TensorTable(TensorTable&&) noexcept = default;
  TensorTable& operator=(TensorTable&&) noexcept = default;

  /// Every tensor, in the order in which the data lies in the file.
  [[nodiscard]] std::span<const TensorEntry> entries() const noexcept { return entries_; }
  /// The `__metadata__` of the file.
  [[nodiscard]] const Metadata& metadata() const noexcept { return metadata_; }
  /// The name that errors use for this file.
  [[nodiscard]] const std::string& source() const noexcept { return source_; }

  /// The tensor called `name`, or null.
  [[nodiscard]] const TensorEntry* find(std::string_view name) const noexcept {
    const auto comes_before = [this](std::size_t i, std::string_view other) { return entries_[i].name < other; };
    const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name, comes_before);
    return found != by_name_.end() && entries_[*found].name == name ? &entries_[*found] : nullptr;
  }
  /// The tensor called `name`; throws when there is none.
  [[nodiscard]] const TensorEntry& at(std::string_view name) const {
    const TensorEntry* entry = find(name);
    if (entry == nullptr) fail(tensor_in(source_, name), " is not among the ", entries_.size(), " in the file");
    return *entry;
  }
  /// A copy of the elements of one tensor as `T`; see read_elements for what converts.
  template <ReadableNumber T>
  [[nodiscard]] std::vector<T> read(std::string_view name) const {
    return read_elements<T>(at(name), tensor_in(source_, name));
  }
  /// The elements of one tensor without a copy, if it holds `T` and lies aligned; throws when there is no such tensor.
  template <ReadableNumber T>
  [[nodiscard]] std::optional<std::span<const T>> view(std::string_view name) const {
    return view_elements<T>(at(name));
  }

 protected:
  TensorTable(std::string source, std::vector<TensorEntry> entries, Metadata metadata)
      : source_{std::move(source)}, entries_{std::move(entries)}, metadata_{std::move(metadata)} {
    by_name_.resize(entries_.size());
    for (std::size_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
    std::sort(by_name_.begin(), by_name_.end(),
              [this](std::size_t a, std::size_t b) { return entries_[a].name < entries_[b].name; });
  }
  ~TensorTable() = default;

 private:
  std::string source_;
  std::vector<TensorEntry> entries_;
  Metadata metadata_;
  std::vector<std::size_t> by_name_;
};

}  // namespace pst::PST_ABI::io

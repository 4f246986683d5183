// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/random.hpp"
#include "pst/core/tensor.hpp"
#include "pst/io/safetensors.hpp"
#include "pst/io/tensor_entry.hpp"
#include "pst/io/tensor_file.hpp"

namespace pst::PST_ABI::io {
namespace detail {

/// Of bytes, in four sums that do not wait for one another.
[[nodiscard]] inline std::uint64_t checksum_of_bytes(std::uint64_t seed, std::span<const std::byte> bytes) {
  constexpr std::size_t word = sizeof(std::uint64_t), lanes = 4;
  std::uint64_t sums[lanes] = {seed, seed + 1, seed + 2, seed + 3};
  std::size_t lane = 0;
  for (std::size_t at = 0; at < bytes.size(); at += word, lane = (lane + 1) % lanes) {
    std::uint64_t next = 0;  // the last word ends in zeros
    std::memcpy(&next, bytes.data() + at, bytes.size() - at < word ? bytes.size() - at : word);
    sums[lane] = (std::rotl(sums[lane], 23) ^ next) * 0x9e3779b97f4a7c15U;
  }
  std::uint64_t all = bytes.size();
  for (const std::uint64_t sum : sums) all = mix_bits(all ^ sum);
  return all;
}

}  // namespace detail

/// The key of a checksum in the metadata of a file.
inline constexpr const char* checksum_field = "checksum";

/// Sixteen hexadecimal digits for names, types, shapes and bytes of tensors, in whatever order they are. Flipped bits
/// and exchanged tensors change it; it protects from accidents, not from those who mean harm.
/// @ingroup io
[[nodiscard]] inline std::string checksum_of(std::span<const TensorEntry> entries) {
  std::uint64_t all = 0;
  for (const TensorEntry& entry : entries) {
    std::uint64_t seed = derive_seed(static_cast<std::uint64_t>(entry.type), entry.name);
    for (const index_t side : entry.shape) seed = mix_bits(seed ^ static_cast<std::uint64_t>(side));
    all += detail::checksum_of_bytes(seed, entry.bytes);
  }
  std::string text(16, '0');
  for (std::size_t digit = text.size(); digit-- > 0; all >>= 4U) text[digit] = "0123456789abcdef"[all & 15U];
  return text;
}

/// The same of a list that is not yet in a file.
/// @ingroup io
[[nodiscard]] inline std::string checksum_of(const TensorList& tensors) {
  std::vector<TensorEntry> entries;
  entries.reserve(tensors.size());
  for (const Tensor& tensor : tensors) entries.push_back(entry_of(tensor));
  return checksum_of(std::span<const TensorEntry>{entries});
}

/// Throws pst::Error where the metadata of a file have a checksum that is not that of its tensors.
/// @ingroup io
inline void check_checksum(const Safetensors& file) {
  const auto told = file.metadata().find(checksum_field);
  if (told == file.metadata().end()) return;
  const std::string found = checksum_of(std::span<const TensorEntry>{file.entries()});
  require(told->second == found, file.source(), ": is damaged, its tensors have the checksum ", found, ", expected ",
          printable(told->second), " as it was written: take another copy of the file");
}

}  // namespace pst::PST_ABI::io

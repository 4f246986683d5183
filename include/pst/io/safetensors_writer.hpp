// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pst/core/error.hpp"
#include "pst/io/atomic_file.hpp"
#include "pst/io/safetensors_header.hpp"
#include "pst/io/strict_json.hpp"
#include "pst/io/tensor_entry.hpp"

namespace pst::PST_ABI::io {
namespace detail {

/// A file before its data is written: the length, the header and its padding, and the tensors in data order.
struct SafetensorsLayout {
  std::string head;
  std::vector<const TensorEntry*> order;
};

/// `text` as a JSON string.
[[nodiscard]] inline std::string quoted(const std::string& text, std::string_view what) {
  if (!is_utf8(text)) fail(what, " cannot be written, because its name or text is not UTF-8");
  return nlohmann::json(text).dump();
}

/// The tensors as the reference writer orders them: the widest type first, so that all are aligned; then by name.
[[nodiscard]] inline std::vector<const TensorEntry*> data_order(std::span<const TensorEntry> entries,
                                                                std::string_view source) {
  std::vector<const TensorEntry*> order;
  std::set<std::string_view> names;
  for (const TensorEntry& entry : entries) {
    const std::string what = tensor_in(source, entry.name);
    if (entry.name == "__metadata__") fail(what, " cannot be written, because the format reserves this name");
    if (!names.insert(entry.name).second) fail(what, " was given twice");
    const std::size_t needed = stored_bytes(entry.type, entry.shape, what);
    if (entry.bytes.size() != needed) {
      fail(what, " has ", entry.bytes.size(), " bytes, but ", name_of(entry.type), " of shape ", text_of(entry.shape),
           " needs ", needed);
    }
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(), [](const TensorEntry* a, const TensorEntry* b) {
    return a->type != b->type ? a->type > b->type : a->name < b->name;
  });
  return order;
}

[[nodiscard]] inline SafetensorsLayout lay_out(std::span<const TensorEntry> entries, const Metadata& metadata,
                                               std::string_view source) {
  SafetensorsLayout layout{{}, data_order(entries, source)};
  std::string json = "{";
  const auto begin_member = [&json] {
    if (json.back() != '{') json += ',';
  };
  if (!metadata.empty()) {
    json += R"("__metadata__":{)";
    for (const auto& [key, value] : metadata) {
      const std::string what = std::string{source} + ": __metadata__ \"" + printable(key) + '"';
      begin_member();
      json += quoted(key, what) + ':' + quoted(value, what);
    }
    json += '}';
  }
  std::uint64_t offset = 0;
  for (const TensorEntry* entry : layout.order) {
    begin_member();
    json += quoted(entry->name, tensor_in(source, entry->name)) + R"(:{"dtype":")";
    json += name_of(entry->type);
    json += R"(","shape":[)";
    for (const index_t side : entry->shape) json += std::to_string(side) + ',';
    if (json.back() == ',') json.pop_back();
    json += R"(],"data_offsets":[)" + std::to_string(offset) + ',';
    offset += entry->bytes.size();
    json += std::to_string(offset) + "]}";
  }
  json += '}';
  json.append((8 - json.size() % 8) % 8, ' ');
  const std::uint64_t size = json.size();
  if (size > max_header_bytes) {
    fail(source, ": the names, shapes and metadata take a header of ", size, " bytes, but at most ", max_header_bytes,
         " are allowed");
  }
  layout.head.resize(sizeof(size));
  std::memcpy(layout.head.data(), &size, sizeof(size));
  layout.head += json;
  return layout;
}

}  // namespace detail

/// The bytes of a safetensors file with exactly this metadata, or none when it is empty; see write_safetensors.
/// @ingroup io
[[nodiscard]] inline std::vector<std::byte> serialize_safetensors(std::span<const TensorEntry> entries,
                                                                  const Metadata& metadata = {}) {
  const auto [head, order] = detail::lay_out(entries, metadata, "safetensors");
  const auto head_bytes = std::as_bytes(std::span{head});
  std::vector<std::byte> file{head_bytes.begin(), head_bytes.end()};
  for (const TensorEntry* entry : order) file.insert(file.end(), entry->bytes.begin(), entry->bytes.end());
  return file;
}

/// Writes tensors, in any order, to the file `path`, which appears whole or not at all.
///
/// Byte for byte what the reference writer makes of them. The metadata gets `format: pt` unless it has a format,
/// because transformers refuses files without. It is safe to write over a file that is open as a Safetensors.
/// @ingroup io
inline void write_safetensors(const std::filesystem::path& path, std::span<const TensorEntry> entries,
                              Metadata metadata = {}) {
  metadata.try_emplace("format", "pt");
  const auto [head, order] = detail::lay_out(entries, metadata, path.string());
  AtomicFile file{path};
  file.write(std::as_bytes(std::span{head}));
  for (const TensorEntry* entry : order) file.write(entry->bytes);
  file.commit();
}

}  // namespace pst::PST_ABI::io

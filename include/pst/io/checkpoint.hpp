// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pst/core/error.hpp"
#include "pst/io/mapped_file.hpp"
#include "pst/io/safetensors.hpp"
#include "pst/io/strict_json.hpp"
#include "pst/io/tensor_table.hpp"

namespace pst::PST_ABI::io {
namespace detail {

/// For every tensor that an index lists, the file in the same directory that must hold it.
using WeightMap = std::map<std::string, std::string>;

/// Whether `name` is the bare name of a file, here and on Windows.
[[nodiscard]] inline bool is_plain_file_name(std::string_view name) noexcept {
  for (const char c : name)
    if (c == '/' || c == '\\' || c == ':' || static_cast<unsigned char>(c) < 0x20) return false;
  return !name.empty() && name != "." && name.find("..") == std::string_view::npos;
}

[[nodiscard]] inline WeightMap read_weight_map(const std::filesystem::path& index) {
  const std::string source = index.string();
  const MappedFile file{index};
  if (file.bytes().size() > max_header_bytes) {
    fail(source, ": has ", file.bytes().size(), " bytes, but an index has at most ", max_header_bytes);
  }
  const auto root = strict_json(chars_of(file.bytes()), source + ": the index", 3);
  const auto listed = root.find("weight_map");
  if (listed == root.end() || !listed->is_object()) fail(source, ": the index has no object called weight_map");
  if (listed->empty()) fail(source, ": the weight_map lists no tensors");

  WeightMap weight_map;
  for (const auto& [name, shard] : listed->items()) {
    const std::string what = tensor_in(source, name);
    if (!shard.is_string()) fail(what, " is mapped to ", printable(shard.dump()), ", but a file name was expected");
    const auto& file_name = shard.get_ref<const std::string&>();
    if (!is_plain_file_name(file_name)) {
      fail(what, " is mapped to \"", printable(file_name), "\", but only files beside the index may be named");
    }
    weight_map.emplace(name, file_name);
  }
  return weight_map;
}

[[noreturn]] inline void fail_on_pickle(const std::filesystem::path& file) {
  fail(file.string(), ": is a Python pickle, which can run code when it is loaded and is therefore not read; convert ",
       "it in Python with safetensors.torch.save_file(torch.load('", file.filename().string(),
       "', weights_only=True), 'model.safetensors')");
}

[[nodiscard]] inline bool exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace detail

/// The weights of a model, in one safetensors file or split over several; reads like a Safetensors.
/// @ingroup io
class Checkpoint : public TensorTable {
 public:
  /// Opens a directory, a `.safetensors` file, or the `.index.json` of a split checkpoint.
  ///
  /// In a directory `model.safetensors` goes before `model.safetensors.index.json`. Every tensor of the index must be
  /// in the file that it names, and no tensor in two files; one that the index leaves out is read all the same, as in
  /// transformers. The `total_size` of the index is ignored. Pickles are refused.
  [[nodiscard]] static Checkpoint open(const std::filesystem::path& path) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return open_file(path);
    for (const char* name : {"model.safetensors", "model.safetensors.index.json"})
      if (detail::exists(path / name)) return open_file(path / name);
    for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (detail::exists(path / name)) detail::fail_on_pickle(path / name);
    fail(path.string(), ": has neither model.safetensors nor model.safetensors.index.json");
  }

  /// The files, by name.
  [[nodiscard]] std::span<const Safetensors> shards() const noexcept { return shards_; }

 private:
  Checkpoint(std::string source, std::vector<TensorEntry> entries, Metadata metadata, std::vector<Safetensors> shards)
      : TensorTable{std::move(source), std::move(entries), std::move(metadata)}, shards_{std::move(shards)} {}

  [[nodiscard]] static Checkpoint open_file(const std::filesystem::path& file) {
    if (file.string().ends_with(".bin.index.json")) detail::fail_on_pickle(file);
    if (file.extension() == ".json") return open_index(file);
    for (const char* pickle : {".bin", ".pt", ".pth", ".ckpt"})
      if (file.extension() == pickle) detail::fail_on_pickle(file);
    std::vector<Safetensors> shards;
    shards.push_back(Safetensors::open(file));
    return merged(file.string(), std::move(shards));
  }

  [[nodiscard]] static Checkpoint open_index(const std::filesystem::path& index) {
    const detail::WeightMap weight_map = detail::read_weight_map(index);
    std::map<std::string_view, std::size_t> position_of;
    for (const auto& [name, file] : weight_map) position_of.emplace(file, 0);
    std::vector<Safetensors> shards;
    for (auto& [file, position] : position_of) {
      position = shards.size();
      shards.push_back(Safetensors::open(index.parent_path() / file));
    }
    for (const auto& [name, file] : weight_map) {
      if (shards[position_of.at(file)].find(name) == nullptr) {
        fail(tensor_in(index.string(), name), " is listed, but not in its file ", file);
      }
    }
    return merged(index.string(), std::move(shards));
  }

  [[nodiscard]] static Checkpoint merged(std::string source, std::vector<Safetensors> shards) {
    std::vector<TensorEntry> entries;
    Metadata metadata;
    std::map<std::string_view, std::string_view> file_of;
    for (const Safetensors& shard : shards) {
      metadata.insert(shard.metadata().begin(), shard.metadata().end());
      for (const TensorEntry& entry : shard.entries()) {
        const auto [first, is_new] = file_of.emplace(entry.name, shard.source());
        if (!is_new) fail(tensor_in(shard.source(), entry.name), " is also in ", first->second);
        entries.push_back(entry);
      }
    }
    return {std::move(source), std::move(entries), std::move(metadata), std::move(shards)};
  }

  std::vector<Safetensors> shards_;
};

}  // namespace pst::PST_ABI::io

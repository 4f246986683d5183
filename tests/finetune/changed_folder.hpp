// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/checkpoint.hpp>
#include <pst/io/safetensors_writer.hpp>

#include <fstream>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "model_data.hpp"

namespace finetune::test {

using pst::io::ElementType;

/// A tensor of a folder that a test changes.
struct Stored {
  std::string name;
  ElementType type;
  std::vector<index_t> shape;
  std::vector<std::byte> bytes;
};

inline std::vector<Stored> tensors_of(const fs::path& folder) {
  const auto file = pst::io::Checkpoint::open(folder);
  std::vector<Stored> list;
  for (const auto& entry : file.entries())
    list.push_back({entry.name, entry.type, entry.shape, {entry.bytes.begin(), entry.bytes.end()}});
  return list;
}

inline void write(const fs::path& file, std::span<const Stored> list) {
  std::vector<pst::io::TensorEntry> entries;
  for (const Stored& each : list) entries.push_back({each.name, each.type, each.shape, each.bytes});
  pst::io::write_safetensors(file, entries);
}

using Change = std::function<void(std::vector<Stored>&)>;

/// Copies a folder, with other tensors and with `text` in its config.json changed.
inline void copy_changed(const std::string& name, const fs::path& to, const Change& change,
                         const std::string& text = {}, const std::string& by = {}) {
  std::vector<Stored> list = tensors_of(data / name);
  change(list);
  write(to / "model.safetensors", list);
  std::ifstream in{data / name / "config.json"};
  std::string config{std::istreambuf_iterator<char>{in}, {}};
  if (!text.empty()) {
    REQUIRE(config.find(text) != std::string::npos);
    config.replace(config.find(text), text.size(), by);
  }
  std::ofstream{to / "config.json"} << config;
}

inline LoadedModel load(const fs::path& folder, const ModelOptions& options = {}) {
  LoadedModel loaded = load_model(folder, options, transformer::dense_layers<float>());
  loaded.model->begin_step(0, 1);
  return loaded;
}

inline void check_logits(Model& model, const Golden& golden, double within) {
  Matrix logits;
  model.forward(golden.batch(), logits);
  std::vector<float> expected = golden.file.read<float>("logits");
  if (model.config().objective == Objective::language_model)
    expected = without_padding(expected, golden, logits.cols());
  CHECK(relative_error(numbers(logits), expected) < within);
}

/// The error of loading a changed copy of a folder.
inline std::string refusal(const std::string& name, const Change& change, const std::string& text = {},
                           const std::string& by = {}) {
  const TemporaryDirectory folder;
  copy_changed(name, folder.path(), change, text, by);
  try {
    static_cast<void>(load(folder.path()));
  } catch (const pst::Error& error) {
    std::string said = error.what();
    const std::string path = folder.path().string() + "/";
    if (said.starts_with(path)) said.erase(0, path.size());
    return said;
  }
  return {};
}

inline void replace(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}
inline Change renamed(const std::string& from, const std::string& to) {
  return [=](std::vector<Stored>& list) {
    for (Stored& each : list) replace(each.name, from, to);
  };
}
inline Change without(const std::string& part) {
  return [=](std::vector<Stored>& list) {
    std::erase_if(list, [&](const Stored& each) { return each.name.find(part) != std::string::npos; });
  };
}
inline Change prefixed(const std::string& prefix) {
  return [=](std::vector<Stored>& list) {
    for (Stored& each : list) each.name = prefix + each.name;
  };
}
inline const Change nothing = [](auto&) {};

inline Matrix logits_of(const LoadedModel& loaded) {
  constexpr const char* names[] = {"bert", "roberta", "gpt2"};
  const Golden golden{names[static_cast<int>(loaded.model->config().architecture)]};
  Matrix logits;
  loaded.model->forward(golden.batch(), logits);
  return logits;
}

}  // namespace finetune::test

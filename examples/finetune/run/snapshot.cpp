// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/snapshot.hpp"

#include <pst/io/checksum.hpp>
#include <pst/io/strict_json.hpp>
#include <pst/io/tensor_file.hpp>

#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace finetune {

namespace {

constexpr const char* run_format = "pst-finetune run 1";
constexpr const char* field = "run";  // of the metadata
constexpr std::string_view model_prefix = "model/", optimizer_prefix = "optimizer/";

std::string text_of(const RunState& state) {
  nlohmann::ordered_json json{{"format", run_format},         {"step", state.step},
                              {"steps", state.steps},         {"base", state.base},
                              {"data", state.data},           {"best_score", nullptr},
                              {"best_step", state.best_step}, {"evaluations_since_best", state.evaluations_since_best}};
  // A double as text is read back the same: 17 digits are written where they are needed.
  if (state.best_score) json["best_score"] = *state.best_score;
  if (state.best_error) json["best_error"] = *state.best_error;
  return json.dump();
}

RunState parse_state(const std::string& text, const std::string& source) {
  const nlohmann::json json = pst::io::strict_json(text, source, 2);
  const auto count = [&](const char* name, std::uint64_t most) {
    pst::require(json.contains(name) && json[name].is_number_unsigned() && json[name].get<std::uint64_t>() <= most,
                 source, ": has no number ", name, " of at least 0");
    return json[name].get<std::int64_t>();
  };
  pst::require(json.is_object() && json.contains("format") && json["format"] == run_format, source,
               ": is not of a run, expected \"format\" to be \"", run_format, '"');
  pst::require(json.contains("base") && json["base"].is_string(), source, ": has no text base");
  RunState state;
  state.steps = count("steps", std::uint64_t{1} << 52);
  state.step = count("step", static_cast<std::uint64_t>(state.steps));
  pst::require(state.steps > 0, source, ": has 0 steps, expected some");
  state.base = json["base"].get<std::string>();
  if (json.contains("data")) {
    pst::require(json["data"].is_string(), source, ": data is no text");
    state.data = json["data"].get<std::string>();
  }
  state.best_step = count("best_step", static_cast<std::uint64_t>(state.step));
  state.evaluations_since_best = static_cast<int>(count("evaluations_since_best", 1U << 30));
  const auto number = [&](const char* name) -> std::optional<double> {
    if (!json.contains(name) || json[name].is_null()) return std::nullopt;
    pst::require(json[name].is_number() && std::isfinite(json[name].get<double>()), source, ": ", name,
                 " is no finite number");
    return json[name].get<double>();
  };
  state.best_score = number("best_score");
  state.best_error = number("best_error");
  return state;
}

}  // namespace

void write_snapshot(const std::filesystem::path& path, const Snapshot& snapshot) {
  std::vector<pst::io::TensorEntry> entries;
  const auto add = [&](const std::string& prefix, const pst::TensorList& list) {
    for (const pst::Tensor& tensor : list) {
      entries.push_back(pst::io::entry_of(tensor));
      entries.back().name = prefix + tensor.name;
    }
  };
  add(std::string{model_prefix}, snapshot.model);
  for (const auto& [group, list] : snapshot.optimizer) add(std::string{optimizer_prefix} + group + "/", list);
  pst::io::write_safetensors(
      path, entries,
      {{field, text_of(snapshot.state)},
       {pst::io::checksum_field, pst::io::checksum_of(std::span<const pst::io::TensorEntry>{entries})}});
}

Snapshot read_snapshot(const std::filesystem::path& path) {
  const pst::io::Safetensors file = pst::io::Safetensors::open(path);
  const auto run = file.metadata().find(field);
  pst::require(run != file.metadata().end(), path.string(), ": is not of a run, its metadata have no \"", field, '"');
  pst::io::check_checksum(file);  // files of before have none
  Snapshot snapshot;
  snapshot.state = parse_state(run->second, path.string() + ": \"" + field + "\" of its metadata");
  for (const pst::io::TensorEntry& entry : file.entries()) {
    pst::Tensor tensor = pst::io::tensor_from(entry, file.source());
    const std::string_view name = entry.name;
    if (name.starts_with(model_prefix)) {
      tensor.name = name.substr(model_prefix.size());
      snapshot.model.push_back(std::move(tensor));
      continue;
    }
    const auto end = name.starts_with(optimizer_prefix) ? name.find('/', optimizer_prefix.size()) : std::string::npos;
    pst::require(end != std::string::npos, path.string(), ": has the unknown tensor \"", pst::io::printable(name), '"');
    tensor.name = name.substr(end + 1);
    snapshot.optimizer[std::string{name.substr(optimizer_prefix.size(), end - optimizer_prefix.size())}].push_back(
        std::move(tensor));
  }
  return snapshot;
}

}  // namespace finetune

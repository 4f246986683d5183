// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/metrics_log.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <utility>

#include "common/files.hpp"

namespace finetune {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 30;

/// The numbers of a record by name, and whether it has them: a record of an evaluation has no speed.
template <class Chosen, class Visit>
void for_each_number(Chosen& record, Visit&& visit) {
  const bool of_training = record.loss.has_value();
  visit("epoch", record.epoch, true);
  visit("sparsity", record.sparsity, true);
  visit("rate", record.rate, true);
  visit("seconds", record.seconds, true);
  visit("step_ms", record.step_ms, of_training);
  visit("tokens_per_second", record.tokens_per_second, of_training);
}

std::string line_of(const Record& record) {
  nlohmann::ordered_json json{{"step", record.step}};
  for_each_number(record, [&](const char* name, double value, bool has) {
    if (has) json[name] = value;
  });
  if (record.loss) json["loss"] = *record.loss;
  if (record.dev_loss) json["dev_loss"] = *record.dev_loss;
  for (const Record::Named& score : record.scores) json["scores"][score.name] = score.value;
  return json.dump() + '\n';
}

Record parse_record(std::string_view line, const std::string& source) {
  const nlohmann::json json = pst::io::strict_json(line, source, 4);
  const auto number = [&](const nlohmann::json& value) {
    pst::require(value.is_number() && std::isfinite(value.get<double>()), source, ": holds ",
                 pst::io::printable(value.dump()), ", expected a finite number");
    return value.get<double>();
  };
  pst::require(json.is_object() && json.contains("step") && json["step"].is_number_unsigned() &&
                   json["step"].get<std::uint64_t>() < std::uint64_t{1} << 62,
               source, ": is no record of a run, expected a JSON object with a step");
  Record record;
  record.step = json["step"].get<std::int64_t>();
  for_each_number(record, [&](const char* name, double& value, bool) {
    if (json.contains(name)) value = number(json[name]);
  });
  if (json.contains("loss")) record.loss = number(json["loss"]);
  if (json.contains("dev_loss")) record.dev_loss = number(json["dev_loss"]);
  if (json.contains("scores")) {
    pst::require(json["scores"].is_object(), source, ": its scores are no object");
    for (const auto& [name, value] : json["scores"].items())
      record.scores.push_back({name, value.is_null() ? std::nan("") : number(value)});
  }
  return record;
}

/// Nothing where there is no number.
std::string number_text(double value) {
  if (std::isnan(value)) return {};
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.9g", value);
  return text.data();
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path file, std::int64_t step) : file_{std::move(file)} {
  std::string kept;
  if (std::error_code ignored; std::filesystem::exists(file_, ignored)) {
    const std::string text = common::read_file(file_, most_bytes);
    std::size_t number = 1;
    for (std::size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1, ++number) {
      const std::string_view line = std::string_view{text}.substr(begin, end - begin);
      const Record record = parse_record(line, file_.string() + " line " + std::to_string(number));
      // The dev data are asked again where a run goes on, at the very step.
      if (record.step > step || (record.step == step && record.dev_loss)) continue;
      kept.append(line).append("\n");
      records_.push_back(record);
    }
  }
  common::write_file(file_, kept);
}

void MetricsLog::add(const Record& record) {
  records_.push_back(record);
  std::ofstream out{file_, std::ios::app | std::ios::binary};
  out << line_of(record) << std::flush;
  pst::require(out.good(), file_.string(), ": cannot be written");
}

std::string MetricsLog::csv() const {
  std::vector<std::string> names;
  for (const Record& record : records_)
    for (const Record::Named& score : record.scores)
      if (std::ranges::find(names, score.name) == names.end()) names.push_back(score.name);
  std::string text = "step";
  const Record none;
  for_each_number(none, [&](const char* name, double, bool) { text.append(",").append(name); });
  text += ",loss,dev_loss";
  for (const std::string& name : names) text.append(",dev_").append(name);
  for (const Record& record : records_) {
    text.append("\n").append(std::to_string(record.step));
    for_each_number(
        record, [&](const char*, double value, bool has) { text.append(",").append(has ? number_text(value) : ""); });
    for (const auto& loss : {record.loss, record.dev_loss}) text.append(",").append(loss ? number_text(*loss) : "");
    for (const std::string& name : names) {
      const auto score = std::ranges::find(record.scores, name, &Record::Named::name);
      text.append(",").append(score == record.scores.end() ? "" : number_text(score->value));
    }
  }
  return text + '\n';
}

}  // namespace finetune

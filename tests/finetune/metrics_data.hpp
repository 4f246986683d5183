// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "finetune/metrics/sentences.hpp"

namespace finetune::test {

/// What make/metrics.py wrote.
inline nlohmann::json metrics_data() {
  std::ifstream file{std::string{FINETUNE_DATA} + "/metrics.json"};
  return nlohmann::json::parse(file);
}

inline std::vector<Generated> sentences_of(const nlohmann::json& corpus) {
  std::vector<Generated> sentences;
  for (const auto& one : corpus.at("sentences"))
    sentences.push_back({one.at("text").get<std::string>(), one.at("references").get<std::vector<std::string>>()});
  return sentences;
}

}  // namespace finetune::test

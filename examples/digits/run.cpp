// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <pst/core/error.hpp>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

namespace digits {

std::string RunSpec::name() const {
  std::ostringstream text;
  text << method.name << "-s" << sparsity << "-seed" << seed;
  return text.str();
}

std::string to_json(const RunResult& result) {
  nlohmann::ordered_json json{{"method", result.method},
                              {"target_sparsity", result.target_sparsity},
                              {"seed", result.seed},
                              {"accuracy", result.accuracy},
                              {"sparsity", result.sparsity},
                              {"trainable", result.trainable},
                              {"step_ms", result.step_ms},
                              {"peak_mb", result.peak_mb},
                              {"dense_bytes", result.dense_bytes},
                              {"saved_bytes", result.saved_bytes},
                              {"reloaded", result.reloaded}};
  for (const CurvePoint& point : result.curve)
    json["curve"].push_back({point.step, point.accuracy, point.sparsity, point.loss});
  return json.dump(1) + '\n';
}

RunResult result_from_json(const std::string& text, const std::string& name) {
  try {
    const auto json = nlohmann::json::parse(text);
    RunResult made{json.at("method"),      json.at("target_sparsity"), json.at("seed"),     json.at("accuracy"),
                   json.at("sparsity"),    json.at("trainable"),       json.at("step_ms"),  json.at("peak_mb"),
                   json.at("dense_bytes"), json.at("saved_bytes"),     json.at("reloaded"), {}};
    for (const auto& point : json.at("curve"))
      made.curve.push_back({point.at(0), point.at(1), point.at(2), point.at(3)});
    return made;
  } catch (const nlohmann::json::exception& error) {
    pst::fail(name, " is not the result of a run (", error.what(), "): delete it to run it again");
  }
}

Split split(const Images& images, const Settings& settings) {
  const Images train = images.slice(0, train_images);
  const index_t fit = settings.validate ? fit_images : train_images;
  return {train, labelled_part(images.slice(0, fit), settings.labels),
          settings.validate ? images.slice(fit_images, train_images - fit_images)
                            : images.slice(train_images, images.count() - train_images)};
}

}  // namespace digits

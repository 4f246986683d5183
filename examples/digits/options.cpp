// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "methods.hpp"
#include "model.hpp"
#include "run.hpp"

namespace digits {

std::string Settings::to_json() const {
  nlohmann::ordered_json json{{"pretrain_steps", pretrain_steps},
                              {"pretrain_batch", pretrain_batch},
                              {"pretrain_rate", pretrain_rate},
                              {"hidden_patches", hidden_patches},
                              {"labels", labels},
                              {"steps", steps},
                              {"batch", batch},
                              {"evaluations", evaluations},
                              {"reference", reference},
                              {"scores", scores},
                              {"refresh", refresh},
                              {"weighted_by", weighted_by},
                              {"delta_rank", delta_rank},
                              {"validate", validate}};
  const auto add = [&](const char* name, const std::optional<double>& value) {
    json[name] = value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json("own");
  };
  add("rate", rate);
  add("score_rate", score_rate);
  add("penalty", penalty);
  add("factor_scale", factor_scale);
  return json.dump(1) + '\n';
}

namespace {

/// The encoder is not built yet, so this knows its names as block.hpp gives them.
void check_layer(const std::string& name) {
  for (index_t b = 0; b < encoder_config.blocks; ++b)
    for (const char* layer : {"query", "key", "value", "attention_output", "feed_in", "feed_out"})
      if (name == "block" + std::to_string(b) + '.' + layer) return;
  pst::fail("--layer is \"", name, "\", expected block0 to block", encoder_config.blocks - 1,
            ", a point, and one of query, key, value, attention_output, feed_in, feed_out");
}

/// Says where an option of layers was given that none of the methods has.
void tell_unused(const char* flag, const std::vector<const char*>& fields, const std::vector<std::string>& methods) {
  for (const std::string& name : methods)
    for (const char* field : fields)
      if (pst::uses_option({.method = std::string{method_named(name).method}}, field)) return;
  std::cerr << "note: none of --methods has " << flag << ", it changes nothing\n";
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  Settings& settings = options.settings;
  for (const MethodInfo& info : method_table) options.methods.emplace_back(info.name);
  options.jobs = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.data = DIGITS_DATA;
  bool quick = false;

  CLI::App app{"Sparse fine-tuning of a pretrained transformer on handwritten digits: every method, several seeds."};
  app.option_defaults()->always_capture_default();
  const auto positive = CLI::Range(1, 1000000);
  const CLI::Validator finite{[](const std::string& text) {
                                return std::isfinite(std::strtod(text.c_str(), nullptr)) ? "" : text + " is not finite";
                              },
                              "FINITE"};
  app.add_option("--methods", options.methods, "what to compare")->delimiter(',');
  app.add_option("--sparsity", options.sparsity, "fractions of zeros to reach, one table each")
      ->check(CLI::Range(0.0, 0.999))
      ->check(finite);
  app.add_option("--seed", options.seed, "the first seed")->check(CLI::Range(0, 1000000));
  app.add_option("--seeds", options.seeds, "how many seeds")->check(CLI::Range(1, 1000));
  app.add_option("--out", options.out, "folder of results; an interrupted run goes on from what is there");
  app.add_option("--data", options.data, "the digits, see DATA.md");
  app.add_option("--pretrained", options.pretrained, "pretrained.safetensors of another --out, instead of pretraining")
      ->check(CLI::ExistingFile);
  app.add_option("--jobs", options.jobs, "runs at once; default: the number of cores")->check(CLI::Range(1, 1024));
  app.add_option("--layer", options.layer, "the layer whose mask is drawn");
  app.add_option("--labels", settings.labels, "labelled images per digit")->check(positive);
  app.add_option("--steps", settings.steps, "steps of fine-tuning")->check(positive);
  app.add_option("--batch", settings.batch, "images per step")->check(positive);
  app.add_option("--pretrain-steps", settings.pretrain_steps, "steps of pretraining")->check(positive);
  app.add_option("--pretrain-batch", settings.pretrain_batch, "images per step of pretraining")->check(positive);
  app.add_option("--pretrain-rate", settings.pretrain_rate, "learning rate of pretraining")
      ->check(CLI::PositiveNumber)
      ->check(finite);
  app.add_option("--hidden", settings.hidden_patches, "fraction of patches that pretraining hides")
      ->check(CLI::Range(0.01, 0.99))
      ->check(finite);
  app.add_option("--rate", settings.rate, "learning rate for all methods, instead of their own")
      ->check(CLI::PositiveNumber)
      ->check(finite);
  app.add_option("--score-rate", settings.score_rate, "learning rate of scores, times --rate")
      ->check(CLI::NonNegativeNumber)
      ->check(finite);
  app.add_option("--penalty", settings.penalty, "lambda of soft movement")
      ->check(CLI::NonNegativeNumber)
      ->check(finite);
  app.add_option("--factor-scale", settings.factor_scale, "scale of UV and AB (beta and alpha1 of PST)")
      ->check(CLI::PositiveNumber)
      ->check(finite);
  app.add_option("--scores", settings.scores, "how scores learn: every, every-K, sample-K (one token in K), rest-P");
  app.add_option("--refresh", settings.refresh, "when masks move: every, every-K, until-P");
  app.add_option("--weighted-by", settings.weighted_by,
                 "what abs(W~) counts by besides, sizes of inputs and of gradients: nothing, inputs, both");
  app.add_option("--delta-rank", settings.delta_rank, "rank of the update UV")->check(CLI::Range(1, 96));
  app.add_flag("--reference", settings.reference, "train factors and classifier only, biases and norms stay");
  app.add_flag("--validate", settings.validate, "measure on images 1000 to 1296 instead of the test images");
  app.add_flag("--quick", quick, "to see that it works: 3 steps of each kind and one seed, unless given");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    throw ExitNow{app.exit(error) == 0 ? 0 : 2};
  }
  if (quick) {
    if (app.count("--pretrain-steps") == 0) settings.pretrain_steps = 3;
    if (app.count("--steps") == 0) settings.steps = 3;
    if (app.count("--seeds") == 0) options.seeds = 1;
    settings.evaluations = 1;
  }
  pst::require(settings.batch <= 10 * settings.labels, "--batch is ", settings.batch, ", expected at most the ",
               10 * settings.labels, " labelled images");
  check_layer(options.layer);
  settings.evaluations = std::min(settings.evaluations, settings.steps);
  for (const std::string& name : options.methods) pst::check_spec(spec_of(method_named(name), settings, 0.5));
  using Fields = std::vector<const char*>;
  for (const auto& [flag, fields] : {std::pair{"--scores", Fields{"scores"}},
                                     {"--refresh", Fields{"refresh"}},
                                     {"--penalty", Fields{"penalty"}},
                                     {"--weighted-by", Fields{"weighted_by"}},
                                     {"--delta-rank", Fields{"delta_rank"}},
                                     {"--factor-scale", Fields{"beta", "alpha1"}}})
    if (app.count(flag) > 0) tell_unused(flag, fields, options.methods);
  return options;
}

}  // namespace digits

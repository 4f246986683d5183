// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/prompt.hpp"

#include <pst/core/error.hpp>
#include <pst/io/tensor_file.hpp>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/peft.hpp"
#include "finetune/export/saved_modules.hpp"

namespace finetune {

namespace {

constexpr const char* prompt_form = "a prefix or prompt of PEFT";

const PlacedTokens& tokens_for_peft(const Model& model) {
  pst::require(model.virtual_tokens().has_value(), "the model has no virtual tokens, so it is not ", prompt_form);
  const PlacedTokens& tokens = *model.virtual_tokens();
  pst::require(model.branches().empty(), "the model has a branch too, which ", prompt_form,
               " does not hold: write a task file");
  pst::require(tokens.positions == RealPositions::after,
               "the positions of the real tokens are unchanged, but PEFT has them after the virtual ones: train with "
               "--positions after, or write a task file");
  pst::require(tokens.pooled == PooledRow::first_row || model.config().architecture == Architecture::gpt2,
               "the first real token is pooled, but PEFT pools the first virtual one: train with --pooled first-row, "
               "or write a task file");
  return tokens;
}

nlohmann::json prompt_config(const ModelConfig& config, const PlacedTokens& tokens) {
  nlohmann::json json{{"task_type", config.architecture == Architecture::gpt2 ? "CAUSAL_LM" : "SEQ_CLS"},
                      {"inference_mode", true},
                      {"num_virtual_tokens", tokens.count},
                      {"token_dim", config.width},
                      {"num_layers", config.blocks},
                      {"num_attention_heads", config.heads},
                      {"num_transformer_submodules", 1}};
  if (tokens.place == TokenPlace::prefix) {
    json["peft_type"] = "PREFIX_TUNING";
    json["prefix_projection"] = false;  // what made the vectors is not in the file
    json["encoder_hidden_size"] = config.width;
  } else {
    json["peft_type"] = "PROMPT_TUNING";
    json["prompt_tuning_init"] = "RANDOM";
  }
  return json;
}

}  // namespace

ExportReport export_prompt(Model& model, const std::filesystem::path& folder, const PromptOptions& options,
                           Probes probes) {
  const PlacedTokens& tokens = tokens_for_peft(model);
  OutputFolder output{folder, options.overwrite};
  const SharedBase base = load_shared_base(options.base, model.config().labels, model.encoder().config.together);
  const auto vectors = model.virtual_vectors();
  pst::TensorList tensors{
      pst::Tensor::from<float>("prompt_embeddings", {vectors.rows, vectors.cols},
                               std::span<const float>{vectors.data, static_cast<std::size_t>(vectors.size())})};
  const std::set<std::string> saved = add_saved_modules(model, base, prompt_form, "base_model.", tensors);
  const std::filesystem::path file = output.path() / "adapter_model.safetensors";
  pst::io::save_tensors(file, tensors);
  nlohmann::json config = prompt_config(model.config(), tokens);
  config["base_model_name_or_path"] = std::filesystem::absolute(options.base).string();
  config["modules_to_save"] = saved.empty() ? nlohmann::json{} : nlohmann::json(saved);
  common::write_file(output.path() / "adapter_config.json", config.dump(2) + '\n');

  const auto found = apply_peft(output.path(), options.base), expected = densified(model);
  ExportReport report{.dense_bytes = dense_bytes(model)};
  report.difference = check_answers(*expected, *found, folder, probes);
  report.bytes = std::filesystem::file_size(file);
  output.commit();
  return report;
}

}  // namespace finetune

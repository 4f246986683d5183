// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/config.hpp"

#include <pst/io/mapped_file.hpp>
#include <pst/io/strict_json.hpp>

#include <filesystem>
#include <sstream>
#include <system_error>

#include "finetune/model/config_fields.hpp"

namespace finetune {

namespace {

// Far above every published model, and small enough that no product of two of them overflows.
constexpr index_t most_ids = index_t{1} << 22;
constexpr index_t most_width = index_t{1} << 16;
constexpr index_t most_blocks = 1024;
constexpr index_t most_labels = 4096;
constexpr std::size_t most_bytes = std::size_t{1} << 22;

transformer::GeluForm gelu_form(const ConfigFields& fields, const char* name, const char* otherwise) {
  const std::string form = fields.text_or(name, otherwise);
  if (form == "gelu") return transformer::GeluForm::exact;
  if (form == "gelu_new" || form == "gelu_pytorch_tanh") return transformer::GeluForm::tanh_of;
  fields.refuse(name, form, R"("gelu", "gelu_new" or "gelu_pytorch_tanh")");
}

void read_bert(const ConfigFields& fields, ModelConfig& config) {
  config.width = fields.count("hidden_size", 1, most_width);
  config.blocks = fields.count("num_hidden_layers", 1, most_blocks);
  config.heads = fields.count("num_attention_heads", 1, most_width);
  config.hidden = fields.count("intermediate_size", 1, most_width);
  config.positions = fields.count("max_position_embeddings", 1, most_ids);
  config.types = fields.count_or("type_vocab_size", 2, 1, most_width);
  config.gelu = gelu_form(fields, "hidden_act", "gelu");
  config.norm_epsilon = fields.number_or("layer_norm_eps", 1e-12, 1e-15, 0.1);
  config.hidden_dropout = config.embedding_dropout = fields.dropout("hidden_dropout_prob", 0.1);
  config.attention_dropout = fields.dropout("attention_probs_dropout_prob", 0.1);
  config.head_dropout = fields.dropout("classifier_dropout", config.hidden_dropout);
  config.pad_id = fields.count_or("pad_token_id", config.architecture == Architecture::bert ? 0 : 1, 0, most_ids);
  fields.only("position_embedding_type", "absolute");
  fields.only("is_decoder", false);
  fields.only("chunk_size_feed_forward", 0);
  pst::require(config.architecture == Architecture::bert || config.positions > config.pad_id + 1, fields.source(),
               ": max_position_embeddings is ", config.positions, ", expected more than pad_token_id + 1, which is ",
               config.pad_id + 1);
}

void read_gpt2(const ConfigFields& fields, ModelConfig& config) {
  config.width = fields.count("n_embd", 1, most_width);
  config.blocks = fields.count("n_layer", 1, most_blocks);
  config.heads = fields.count("n_head", 1, most_width);
  config.hidden = fields.count_or("n_inner", 4 * config.width, 1, 4 * most_width);
  config.positions = fields.count("n_positions", 1, most_ids);
  config.gelu = gelu_form(fields, "activation_function", "gelu_new");
  config.norm_epsilon = fields.number_or("layer_norm_epsilon", 1e-5, 1e-15, 0.1);
  config.hidden_dropout = fields.dropout("resid_pdrop", 0.1);
  config.embedding_dropout = fields.dropout("embd_pdrop", 0.1);
  config.attention_dropout = fields.dropout("attn_pdrop", 0.1);
  config.objective = Objective::language_model;
  fields.only("scale_attn_weights", true);
  fields.only("scale_attn_by_inverse_layer_idx", false);
  fields.only("reorder_and_upcast_attn", false);
  fields.only("tie_word_embeddings", true);
}

std::vector<std::string> numbered_labels(index_t count) {
  std::vector<std::string> labels;
  for (index_t i = 0; i < count; ++i) labels.push_back("LABEL_" + std::to_string(i));
  return labels;
}

/// Label names from id2label, or as many as num_labels says, or two.
std::vector<std::string> read_labels(const ConfigFields& fields) {
  const nlohmann::json* names = fields.find("id2label");
  if (names == nullptr) return numbered_labels(fields.count_or("num_labels", 2, 1, most_labels));
  std::vector<std::string> labels;
  if (!names->is_object() || names->empty() || names->size() > static_cast<std::size_t>(most_labels))
    fields.refuse("id2label", *names, "an object of 1 to " + std::to_string(most_labels) + " names");
  for (std::size_t i = 0; i < names->size(); ++i) {
    const auto name = names->find(std::to_string(i));
    if (name == names->end() || !name->is_string())
      fields.refuse("id2label", *names, "a text for each of \"0\" to \"" + std::to_string(names->size() - 1) + '"');
    labels.push_back(name->get<std::string>());
  }
  return labels;
}

Objective read_objective(const ConfigFields& fields, std::size_t labels) {
  const char* const likely = labels == 1 ? "regression" : "single_label_classification";
  const std::string problem = fields.text_or("problem_type", likely);
  if (problem == "regression" && labels == 1) return Objective::regression;
  if (problem == "single_label_classification") return Objective::classification;
  fields.refuse("problem_type", problem,
                R"("single_label_classification", or "regression" of one number; the model has )" +
                    std::to_string(labels) + " labels. `train --new-head` leaves this head aside");
}

/// The class that wrote the file, as far as it is said.
std::string first_architecture(const ConfigFields& fields) {
  const nlohmann::json* classes = fields.find("architectures");
  if (classes == nullptr) return {};
  if (!classes->is_array() || classes->empty() || !classes->front().is_string())
    fields.refuse("architectures", *classes, "a list with the name of a class");
  return classes->front().get<std::string>();
}

const char* class_name(const ModelConfig& config) {
  switch (config.architecture) {
    case Architecture::bert: return "BertForSequenceClassification";
    case Architecture::roberta: return "RobertaForSequenceClassification";
    default: return "GPT2LMHeadModel";
  }
}

}  // namespace

ModelConfig parse_config(std::string_view text, const std::string& source, HeadUse head) {
  ModelConfig config;
  config.json = pst::io::strict_json(text, source + ": the configuration", 16);
  pst::require(config.json.is_object(), source, ": the configuration is no JSON object");
  const ConfigFields fields{config.json, source};
  const std::string type = fields.text_or("model_type", "");
  if (type == "bert") {
    config.architecture = Architecture::bert;
  } else if (type == "roberta") {
    config.architecture = Architecture::roberta;
  } else if (type == "gpt2") {
    config.architecture = Architecture::gpt2;
  } else {
    fields.refuse("model_type", type, R"("bert", "roberta" or "gpt2")");
  }
  config.vocabulary = fields.count("vocab_size", 1, most_ids);
  config.initial_deviation = fields.number_or("initializer_range", 0.02, 0.0, 10.0);
  fields.only("add_cross_attention", false);
  fields.only("pruned_heads", nlohmann::json::object());
  for (const char* name : {"quantization_config", "compression_config", "sparsity_config"})
    if (const nlohmann::json* value = fields.find(name)) fields.refuse(name, *value, "none, weights must be plain");

  const std::string written_by = first_architecture(fields);
  if (config.architecture == Architecture::gpt2) {
    read_gpt2(fields, config);
    config.has_head = true;  // the word embedding
  } else {
    read_bert(fields, config);
    config.has_head = head == HeadUse::read && (written_by.empty() || written_by == class_name(config));
    config.labels = config.has_head ? read_labels(fields) : numbered_labels(2);
    config.objective = config.has_head ? read_objective(fields, config.labels.size()) : Objective::classification;
  }
  pst::require(config.width % config.heads == 0, source, ": a width of ", config.width, " cannot have ", config.heads,
               " heads, expected a divisor of the width");
  return config;
}

ModelConfig read_config(const std::filesystem::path& folder, HeadUse head) {
  const std::filesystem::path path = folder / "config.json";
  std::error_code error;
  pst::require(std::filesystem::exists(path, error) || !std::filesystem::is_directory(folder, error), folder.string(),
               ": has no config.json, expected a Hugging Face folder with config.json and model.safetensors");
  const pst::io::MappedFile file{path};
  pst::require(file.bytes().size() <= most_bytes, path.string(), ": has ", file.bytes().size(),
               " bytes, expected at most ", most_bytes);
  return parse_config({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path.string(), head);
}

ModelConfig with_labels(ModelConfig config, std::vector<std::string> labels) {
  pst::require(config.objective != Objective::language_model,
               "a language model has no labels: choose a BERT or RoBERTa folder");
  pst::require(!labels.empty() && labels.size() <= static_cast<std::size_t>(most_labels), "a task has ", labels.size(),
               " labels, expected 1 to ", most_labels);
  config.objective = labels.size() == 1 ? Objective::regression : Objective::classification;
  config.labels = std::move(labels);
  return config;
}

std::string config_text(const ModelConfig& config, const std::string& dtype) {
  nlohmann::json json = config.json;
  json["architectures"] = {class_name(config)};
  json[json.contains("torch_dtype") && !json.contains("dtype") ? "torch_dtype" : "dtype"] = dtype;
  if (config.objective != Objective::language_model) {
    json["problem_type"] = config.objective == Objective::regression ? "regression" : "single_label_classification";
    json["id2label"] = json["label2id"] = nlohmann::json::object();
    for (std::size_t i = 0; i < config.labels.size(); ++i) {
      json["id2label"][std::to_string(i)] = config.labels[i];
      json["label2id"][config.labels[i]] = i;
    }
    json.erase("num_labels");
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/config.hpp"

#include <doctest/doctest.h>
#include <pst/core/error.hpp>

#include <utility>

using namespace finetune;

namespace {

const nlohmann::json bert = nlohmann::json::parse(
    R"({"model_type":"bert","vocab_size":30522,"hidden_size":768,"num_hidden_layers":12,"num_attention_heads":12,
        "intermediate_size":3072,"max_position_embeddings":512})");
const nlohmann::json gpt2 =
    nlohmann::json::parse(R"({"model_type":"gpt2","vocab_size":50257,"n_embd":768,"n_layer":12,"n_head":12,
                              "n_positions":1024})");

ModelConfig parse(const nlohmann::json& json) { return parse_config(json.dump(), "config.json"); }
std::string refusal(nlohmann::json json, const char* field, nlohmann::json value) {
  json[field] = std::move(value);
  try {
    static_cast<void>(parse(json));
  } catch (const pst::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("fields that a config leaves out have the defaults of transformers") {
  const ModelConfig a = parse(bert), b = parse(gpt2);
  CHECK(a.norm_epsilon == 1e-12);
  CHECK(a.types == 2);
  CHECK(a.pad_id == 0);
  CHECK(a.hidden_dropout == 0.1);
  CHECK(a.head_dropout == 0.1);
  CHECK(a.labels == std::vector<std::string>{"LABEL_0", "LABEL_1"});
  CHECK(a.gelu == transformer::GeluForm::exact);
  CHECK(a.longest() == 512);
  CHECK(b.hidden == 3072);
  CHECK(b.norm_epsilon == 1e-5);
  CHECK(b.gelu == transformer::GeluForm::tanh_of);
  CHECK(b.objective == Objective::language_model);
  CHECK(b.outputs() == 50257);
  nlohmann::json roberta = bert;
  roberta["model_type"] = "roberta";
  roberta["max_position_embeddings"] = 514;
  CHECK(parse(roberta).longest() == 512);
}

TEST_CASE("what is not supported is refused by its name and value") {
  CHECK(refusal(bert, "model_type", "llama") ==
        R"(config.json: model_type is "llama", expected "bert", "roberta" or "gpt2")");
  CHECK(refusal(bert, "hidden_act", "relu") ==
        R"(config.json: hidden_act is "relu", expected "gelu", "gelu_new" or "gelu_pytorch_tanh")");
  CHECK(
      refusal(bert, "position_embedding_type", "relative_key") ==
      R"(config.json: position_embedding_type is "relative_key", expected "absolute", the only value that is supported)");
  CHECK(refusal(bert, "is_decoder", true) ==
        "config.json: is_decoder is true, expected false, the only value that is supported");
  CHECK(refusal(gpt2, "scale_attn_by_inverse_layer_idx", true) ==
        "config.json: scale_attn_by_inverse_layer_idx is true, expected false, the only value that is supported");
  CHECK(refusal(gpt2, "tie_word_embeddings", false) ==
        "config.json: tie_word_embeddings is false, expected true, the only value that is supported");
  CHECK(refusal(bert, "problem_type", "multi_label_classification")
            .starts_with(R"(config.json: problem_type is "multi_label_classification", expected )"));
  CHECK(refusal(bert, "quantization_config", {{"bits", 4}}) ==
        R"(config.json: quantization_config is {"bits":4}, expected none, weights must be plain)");
}

TEST_CASE("numbers of a config must be in range") {
  CHECK(refusal(bert, "hidden_size", nullptr) == "config.json: hidden_size is missing, expected a whole number");
  for (const nlohmann::json& value : {nlohmann::json(-1), nlohmann::json(0), nlohmann::json(1e3), nlohmann::json("768"),
                                      nlohmann::json(65537), nlohmann::json(18446744073709551615U)})
    CHECK(refusal(bert, "hidden_size", value) ==
          "config.json: hidden_size is " + value.dump() + ", expected a whole number of 1 to 65536");
  CHECK(refusal(bert, "num_attention_heads", 7) ==
        "config.json: a width of 768 cannot have 7 heads, expected a divisor of the width");
  CHECK(refusal(bert, "hidden_dropout_prob", 1.0) ==
        "config.json: hidden_dropout_prob is 1.0, expected a number of 0 to 0.99");
  CHECK(refusal(bert, "layer_norm_eps", "x").starts_with("config.json: layer_norm_eps is \"x\", expected a number"));
  CHECK(refusal(bert, "id2label", {{"1", "a"}}).starts_with("config.json: id2label is {\"1\":\"a\"}, expected"));
  CHECK(refusal(bert, "architectures", 5) ==
        "config.json: architectures is 5, expected a list with the name of a class");
}

TEST_CASE("a text that is no configuration is refused") {
  for (const char* text : {"", "[]", "{", "{\"a\":1,\"a\":2}", "\xff"})
    CHECK_THROWS_AS(static_cast<void>(parse_config(text, "config.json")), pst::Error);
}

TEST_CASE("a config is written with the task's labels and class, and everything else as it was") {
  nlohmann::json json = bert;
  json["something_else"] = {1, 2};
  const ModelConfig config = with_labels(parse(json), {"no", "maybe", "yes"});
  const auto written = nlohmann::json::parse(config_text(config, "float32"));
  CHECK(written["architectures"] == nlohmann::json{"BertForSequenceClassification"});
  CHECK(written["label2id"]["maybe"] == 1);
  CHECK(written["problem_type"] == "single_label_classification");
  CHECK(written["dtype"] == "float32");
  CHECK(written["something_else"] == json["something_else"]);
  CHECK(parse(written).labels == config.labels);
  CHECK_THROWS_AS(static_cast<void>(with_labels(parse(gpt2), {"a"})), pst::Error);
}

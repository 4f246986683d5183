// SPDX-License-Identifier: Apache-2.0
// Adapters that PEFT wrote, with the logits that it computed; made by make/make_adapters.py.
#include "finetune/export/peft.hpp"

#include <pst/io/tensor_file.hpp>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/fold_branches.hpp"
#include "finetune/export/ia3.hpp"
#include "finetune/export/lora.hpp"
#include "finetune/export/prompt.hpp"
#include "finetune/methods/adapters.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;
using pst::io::test::TemporaryDirectory;

namespace {

struct Stored {
  const char *adapter, *base;
};
constexpr Stored stored[] = {{"bert_lora", "bert"}, {"bert_rslora", "bert"}, {"roberta_expression", "roberta"},
                             {"gpt2_lora", "gpt2"}, {"bert_ia3", "bert"},    {"gpt2_ia3", "gpt2"},
                             {"bert_dora", "bert"}, {"gpt2_dora", "gpt2"}};
/// Of virtual tokens; of the last two the file has what a network made.
constexpr Stored stored_tokens[] = {
    {"bert_prompt", "bert"}, {"bert_prefix", "bert"}, {"roberta_prompt", "roberta"}, {"roberta_prefix", "roberta"},
    {"gpt2_prompt", "gpt2"}, {"gpt2_prefix", "gpt2"}, {"bert_projected", "bert"},    {"bert_p_tuning", "bert"}};

/// A copy of an adapter, to change.
class Copy {
 public:
  explicit Copy(const char* adapter) {
    for (const char* file : {"adapter_config.json", "adapter_model.safetensors"})
      fs::copy_file(data / "adapters" / adapter / file, folder_.path() / file);
    tensors = pst::io::load_tensors(folder_ / "adapter_model.safetensors");
    config = nlohmann::json::parse(common::read_file(folder_ / "adapter_config.json"));
  }
  /// The error of reading it, without the name of the file in front.
  std::string refusal(const char* base) {
    pst::io::save_tensors(folder_ / "adapter_model.safetensors", tensors);
    common::write_file(folder_ / "adapter_config.json", config.dump());
    const std::string error = error_of([&] { static_cast<void>(apply_peft(folder_.path(), data / base)); });
    const std::size_t colon = error.find(": ");
    return colon == std::string::npos ? error : error.substr(colon + 2);
  }
  pst::Tensor& tensor(const std::string& name) {
    const auto at = std::ranges::find(tensors, "base_model.model." + name, &pst::Tensor::name);
    REQUIRE(at != tensors.end());
    return *at;
  }

  pst::TensorList tensors;
  nlohmann::json config;

 private:
  TemporaryDirectory folder_;
};

}  // namespace

TEST_CASE("an adapter of PEFT gives the logits that PEFT gave") {
  for (const Stored& each : stored) {
    INFO(each.adapter);
    const char* const base = each.base;
    const fs::path folder = data / "adapters" / each.adapter;
    const auto model = apply_peft(folder, data / base);
    const auto expected = pst::io::Safetensors::open(folder / "expected.safetensors").read<float>("logits");
    CHECK(relative_error(logits_of(*model, base), expected) < tolerance);
    const auto plain = load_model(data / base, {.train_embeddings = false}, transformer::dense_layers<float>());
    plain.model->refresh(1.0);
    CHECK(relative_error(logits_of(*plain.model, base), expected) > 0.01);
  }
}

TEST_CASE("DoRA learns the gradients that it learns in PEFT") {
  const fs::path folder = data / "adapters" / "bert_dora";
  const pst::TensorList adapter = pst::io::load_tensors(folder / "adapter_model.safetensors");
  const auto expected = pst::io::Safetensors::open(folder / "expected.safetensors");
  const auto model = model_of(
      data / "bert", {.name = "dora", .delta_rank = 3, .beta = 2.0, .modules = "query,value", .beside = "none"});
  const std::map<std::string, std::string> endings{
      {".delta.U", ".lora_B.weight"}, {".delta.V", ".lora_A.weight"}, {".delta.m", ".lora_magnitude_vector"}};
  const auto in_peft = [&](std::string name) {  // as PEFT calls a parameter
    for (const auto& [ours, theirs] : endings)
      if (name.ends_with(ours)) name = name.substr(0, name.size() - ours.size()) + theirs;
    return "base_model.model." + name;
  };
  for (const ModelParameter& each : model->parameters()) {
    const auto at = std::ranges::find(adapter, in_peft(each.name), &pst::Tensor::name);
    if (at == adapter.end()) continue;
    std::ranges::copy(at->values<float>(), each.parameter.value.data);
  }
  model->begin_step(0, 1);
  Matrix logits;
  model->forward(Golden{"bert"}.batch(), logits);
  CHECK(relative_error(numbers(logits), expected.read<float>("logits")) < tolerance);
  model->backward(2 * logits);  // of the sum of their squares
  int compared = 0;
  for (const ModelParameter& each : model->parameters()) {
    const std::string name = "gradient." + in_peft(each.name);
    if (expected.find(name) == nullptr) continue;
    INFO(name);
    ++compared;
    CHECK(relative_error(numbers(transformer::map(each.parameter.grad)), expected.read<float>(name)) < tolerance);
  }
  CHECK(compared == 2 * 2 * 3);
}

TEST_CASE("virtual tokens of PEFT give the logits and the gradient that PEFT gave") {
  for (const Stored& each : stored_tokens) {
    INFO(each.adapter);
    const char* const base = each.base;
    const fs::path folder = data / "adapters" / each.adapter;
    const auto model = apply_peft(folder, data / base);
    const auto expected = pst::io::Safetensors::open(folder / "expected.safetensors");
    const auto logits = expected.read<float>("logits");
    CHECK(relative_error(logits_of(*model, base), logits) < tolerance);
    if (expected.find("gradient") == nullptr) continue;
    model->begin_step(0, 1);
    Matrix grad;
    model->forward(Golden{base}.batch(), grad);
    model->backward(2 * grad);  // of the sum of their squares
    for (const ModelParameter& parameter : model->parameters())
      if (parameter.part == Part::tokens)
        CHECK(relative_error(numbers(transformer::map(parameter.parameter.grad)), expected.read<float>("gradient")) <
              tolerance);
  }
}

TEST_CASE("toolkit test 5: missing, unknown and mis-shaped tensors of an adapter are refused with the whole list") {
  const std::string query = "bert.encoder.layer.0.attention.self.query", front = "base_model.model.";
  Copy missing{"bert_lora"};
  std::erase_if(missing.tensors, [&](const pst::Tensor& tensor) {
    return tensor.name == front + query + ".lora_A.weight" || tensor.name == front + query + ".lora_B.weight";
  });
  CHECK(missing.refusal("bert") == "is not an adapter of this base, missing: " + front + query + ".lora_A.weight, " +
                                       front + query + ".lora_B.weight");
  Copy unknown{"bert_lora"};
  unknown.tensor(query + ".lora_A.weight").name = front + "bert.encoder.layer.9.attention.self.query.lora_A.weight";
  CHECK(unknown.refusal("bert") == "is not an adapter of this base, missing: " + front + query +
                                       ".lora_A.weight; unknown: " + front +
                                       "bert.encoder.layer.9.attention.self.query.lora_A.weight");
  Copy misshaped{"bert_ia3"};
  pst::Tensor& scale = misshaped.tensor("bert.encoder.layer.1.attention.self.key.ia3_l");
  std::swap(scale.shape[0], scale.shape[1]);
  CHECK(misshaped.refusal("bert") ==
        "is not an adapter of this base, of another shape or type: " + scale.name + " (expected 32 x 1)");
  Copy other{"bert_lora"};
  other.config["r"] = 4;
  CHECK(other.refusal("bert").find("lora_A.weight (expected 4 x 32)") != std::string::npos);
}

TEST_CASE("virtual tokens of another base are refused with the whole list, or by what is another") {
  Copy missing{"bert_prefix"};
  std::erase_if(missing.tensors, [](const pst::Tensor& tensor) { return tensor.name != "base_model.classifier.bias"; });
  missing.tensors.front().name = "base_model.bert.x";
  CHECK(missing.refusal("bert") ==
        "is not an adapter of this base, missing: prompt_embeddings, base_model.classifier.bias, "
        "base_model.classifier.weight; unknown: base_model.bert.x");
  Copy misshaped{"bert_prefix"};
  misshaped.config["num_virtual_tokens"] = 2;
  CHECK(misshaped.refusal("bert") ==
        "is not an adapter of this base, of another shape or type: prompt_embeddings (expected 2 x 128)");
  const auto refused = [](const char* field, const nlohmann::json& value) {
    Copy copy{"gpt2_prompt"};
    copy.config[field] = value;
    return copy.refusal("gpt2");
  };
  CHECK(refused("token_dim", 64) ==
        "adapter_config.json has token_dim 64, the base has 32: is it that of another model?");
  CHECK(refused("num_layers", 3).starts_with("adapter_config.json has num_layers 3, the base has 2"));
  CHECK(refused("num_virtual_tokens", 0) == "num_virtual_tokens is 0, expected a whole number of 1 to 65536");
  CHECK(refused("num_virtual_tokens", nullptr).starts_with("num_virtual_tokens is null"));
  CHECK(refused("num_virtual_tokens", 1e9).starts_with("num_virtual_tokens is "));
  CHECK(refused("num_transformer_submodules", 2).starts_with("num_transformer_submodules is 2, expected 1"));
  CHECK(refused("peft_type", "P_TUNING").empty());
}

TEST_CASE("what an adapter asks for and what is not done here is refused by name") {
  const auto refused = [](const char* field, const nlohmann::json& value) {
    Copy copy{"bert_lora"};
    copy.config[field] = value;
    return copy.refusal("bert");
  };
  CHECK(refused("lora_bias", true) ==
        "lora_bias is true, expected it to be off: such adapters are not read, merge it with PEFT");
  CHECK(refused("use_dora", true)
            .starts_with("is not an adapter of this base, missing: "
                         "base_model.model.bert.encoder.layer.0.attention.self.query.lora_magnitude_vector, "));
  CHECK(refused("peft_type", "VERA") ==
        "peft_type is \"VERA\", expected LORA, IA3, PROMPT_TUNING, P_TUNING or PREFIX_TUNING");
  CHECK(refused("r", 2.5) == "r is 2.5, expected a whole number of 1 to 65536");
  CHECK(refused("target_modules", nlohmann::json::array({1})) == "target_modules is [1], expected a list of texts");
  CHECK(refused("rank_pattern", {{"query", 2.5}}) ==
        "rank_pattern is {\"query\":2.5}, expected whole numbers of 1 to 65536");
  CHECK(refused("rank_pattern", {{"query", 1e300}}).starts_with("rank_pattern is "));
  for (const char* expression : {"(.*)*z", "(?:a+)+", "((.|.){2}){9}", ".*.*.*.*.*z", "a**", "(a*){9}", ".*?*z"}) {
    CHECK(refused("target_modules", expression) ==
          "target_modules is " + std::string{expression} + ", expected at most 4 repetitions, and none of a group");
    CHECK_FALSE(refused("alpha_pattern", {{expression, 2}}).empty());
  }
  CHECK(refused("target_modules", "(query").find("no regular expression") != std::string::npos);
  CHECK(refused("target_modules", R"(.*\.layer\.\d+\..*?[(*+]*(query|value))").empty());
  const std::string unasked = refused("target_modules", nlohmann::json::array({"query"}));
  CHECK(unasked.find("value.lora_A.weight") != std::string::npos);  // PEFT leaves it out
  CHECK(refused("target_parameters", nlohmann::json::array({"x"})).starts_with("target_parameters is "));
  CHECK(refused("lora_dropout", 0.1).empty());
}

TEST_CASE("an adapter that is written for PEFT is read again as the same model") {
  const TemporaryDirectory folder;
  const auto probes = random_probes(read_config(data / "bert"), 4);
  const MethodSettings lora{.name = "lora", .delta_rank = 3, .modules = "attn.q,ff.w2", .beside = "none"};
  const auto one = model_of(data / "bert", lora);
  train_shortly(*one, settings_of(lora), Golden{"bert"});
  export_lora(*one, folder / "lora", {.base = data / "bert"}, probes);
  CHECK(relative_error(logits_of(*apply_peft(folder / "lora", data / "bert"), "bert"), logits_of(*one, "bert")) < 1e-5);

  for (const char* base : {"bert", "gpt2"}) {
    INFO(base);
    const MethodSettings method{.name = "dora", .delta_rank = 3, .modules = "attn.q,ff.w2", .beside = "none"};
    const auto model = trained(data / base, base, method);
    const fs::path to = folder / (std::string{base} + "_dora");
    export_lora(*model, to, {.base = data / base}, random_probes(model->config(), 4));
    const auto again = apply_peft(to, data / base);
    CHECK(relative_error(logits_of(*again, base), logits_of(*model, base)) < 1e-5);
  }

  for (const char* base : {"bert", "roberta", "gpt2"}) {
    INFO(base);
    const MethodSettings method{.name = "ia3"};
    const auto model = model_of(data / base, method);
    model->put_branches(branches_of(method, model->config().width), 5);
    train_shortly(*model, settings_of(method), Golden{base});
    const fs::path to = folder / base;
    export_ia3(*model, to, {.base = data / base}, random_probes(model->config(), 4));
    CHECK(relative_error(logits_of(*apply_peft(to, data / base), base), logits_of(*model, base)) < 1e-5);
  }
  CHECK(error_of([&] { export_ia3(*one, folder / "none", {.base = data / "bert"}, {}); }) ==
        "the model has no scale for keys, so it is no adapter of (IA)3");
}

TEST_CASE("virtual tokens that are written for PEFT are read again as the same model") {
  const TemporaryDirectory folder;
  for (const char* base : {"bert", "roberta", "gpt2"})
    for (const char* name : {"prefix", "prompt"}) {
      INFO(base << ", " << name);
      const MethodSettings method{.name = name, .virtual_tokens = 3, .reparameterisation = "mlp"};
      const auto model = trained(data / base, base, method);
      const fs::path to = folder / (std::string{base} + name);
      export_prompt(*model, to, {.base = data / base}, random_probes(model->config(), 4));
      CHECK(relative_error(logits_of(*apply_peft(to, data / base), base), logits_of(*model, base)) < 1e-5);
    }
  const auto refused = [&](const MethodSettings& method) {
    return error_of(
        [&] { export_prompt(*adapted(data / "bert", method), folder / "none", {.base = data / "bert"}, {}); });
  };
  CHECK(refused({.name = "lora"}) == "the model has no virtual tokens, so it is not a prefix or prompt of PEFT");
  CHECK(refused({.name = "prefix", .virtual_tokens = 3, .positions = "unchanged"})
            .starts_with("the positions of the real tokens are unchanged, but PEFT"));
  CHECK(refused({.name = "prompt", .virtual_tokens = 3, .pooled = "first-token"})
            .starts_with("the first real token is pooled, but PEFT"));
  CHECK(!fs::exists(folder / "none"));
}

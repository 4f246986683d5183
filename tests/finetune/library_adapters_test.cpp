// SPDX-License-Identifier: Apache-2.0
// Bottlenecks that the library adapters wrote, with the logits that it computed; made by
// make/make_library_adapters.py.
#include "finetune/export/adapters_folder.hpp"

#include <pst/io/tensor_file.hpp>

#include <nlohmann/json.hpp>

#include "common/files.hpp"
#include "finetune/export/adapters_config.hpp"
#include "finetune/export/peft.hpp"
#include "finetune/methods/adapters.hpp"
#include "short_training.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;
using pst::io::test::TemporaryDirectory;

namespace {

struct FromLibrary {
  const char *adapter, *base;
};
constexpr FromLibrary from_library[] = {{"bert_double_seq_bn", "bert"},
                                        {"bert_seq_bn", "bert"},
                                        {"bert_par_bn", "bert"},
                                        {"bert_pooled", "bert"},
                                        {"bert_compacter", "bert"},
                                        {"bert_compacter_plus", "bert"},
                                        {"roberta_double_seq_bn", "roberta"},
                                        {"roberta_seq_bn", "roberta"},
                                        {"gpt2_double_seq_bn", "gpt2"},
                                        {"gpt2_seq_bn", "gpt2"}};

/// A copy of a folder of the library, to change.
class LibraryCopy {
 public:
  explicit LibraryCopy(const char* adapter) {
    for (const auto& file : fs::directory_iterator{data / "library_adapters" / adapter})
      fs::copy_file(file.path(), folder_ / file.path().filename().string());
    tensors = pst::io::load_tensors(folder_ / "adapter.safetensors");
    config = nlohmann::json::parse(common::read_file(folder_ / "adapter_config.json"));
    const fs::path head_file = folder_ / "head_config.json";
    if (fs::exists(head_file)) head = nlohmann::json::parse(common::read_file(head_file));
  }
  /// The error of reading it, without the name of the file in front.
  std::string refusal(const char* base) {
    pst::io::save_tensors(folder_ / "adapter.safetensors", tensors);
    common::write_file(folder_ / "adapter_config.json", config.dump());
    if (!head.is_null()) common::write_file(folder_ / "head_config.json", head.dump());
    const std::string error = error_of([&] { static_cast<void>(apply_adapters(folder_.path(), data / base)); });
    const std::size_t colon = error.find(": ");
    return colon == std::string::npos ? error : error.substr(colon + 2);
  }
  fs::path file(const char* name) { return folder_ / name; }

  pst::TensorList tensors;
  nlohmann::json config, head;

 private:
  TemporaryDirectory folder_;
};

}  // namespace

TEST_CASE("a bottleneck of the library adapters gives the logits that the library gave") {
  for (const FromLibrary& each : from_library) {
    INFO(each.adapter);
    const fs::path folder = data / "library_adapters" / each.adapter;
    const auto model = apply_adapters(folder, data / each.base);
    const auto expected = pst::io::Safetensors::open(folder / "expected.safetensors").read<float>("logits");
    CHECK(relative_error(logits_of(*model, each.base), expected) < tolerance);
    model->remove_branches();
    CHECK(relative_error(logits_of(*model, each.base), expected) > 0.01);
  }
}

TEST_CASE("the labels of a head of the library are those of the model") {
  const auto model = apply_adapters(data / "library_adapters" / "bert_seq_bn", data / "bert");
  CHECK(model->config().labels == std::vector<std::string>{"LABEL_0", "LABEL_1", "LABEL_2"});
  const auto named = apply_adapters(data / "library_adapters" / "bert_par_bn", data / "bert");
  CHECK(named->config().labels == std::vector<std::string>{"no", "perhaps", "yes"});
}

TEST_CASE("missing, unknown and mis-shaped tensors of a bottleneck are refused with the whole list") {
  const std::string front = "bert.encoder.layer.1.output.adapters.task.";
  LibraryCopy missing{"bert_seq_bn"};
  std::erase_if(missing.tensors,
                [&](const pst::Tensor& tensor) { return tensor.name.starts_with(front + "adapter_up"); });
  CHECK(missing.refusal("bert") == "is not an adapter of the library adapters for this base, missing: " + front +
                                       "adapter_up.weight, " + front + "adapter_up.bias");
  LibraryCopy unknown{"bert_compacter"};
  const auto rule = std::ranges::find(unknown.tensors, "bert.shared_parameters.task.phm_rule", &pst::Tensor::name);
  REQUIRE(rule != unknown.tensors.end());
  rule->name = "bert.shared_parameters.other.phm_rule";
  CHECK(unknown.refusal("bert") ==
        "is not an adapter of the library adapters for this base, missing: bert.shared_parameters.task.phm_rule; "
        "unknown: bert.shared_parameters.other.phm_rule");
  LibraryCopy misshaped{"bert_seq_bn"};
  misshaped.config["config"]["reduction_factor"] = 8;
  CHECK(misshaped.refusal("bert").find(front + "adapter_down.0.weight (expected 4 x 32), ") != std::string::npos);
  LibraryCopy not_a_number{"bert_seq_bn"};
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(not_a_number.tensors.front().bytes.data(), &nan, sizeof nan);
  CHECK(not_a_number.refusal("bert").ends_with("expected finite numbers"));
}

TEST_CASE("what a bottleneck of the library asks for and what is not done here is refused by name") {
  const auto refused = [](const char* field, const nlohmann::json& value, const char* adapter = "bert_seq_bn",
                          const char* base = "bert") {
    LibraryCopy copy{adapter};
    copy.config["config"][field] = value;
    return copy.refusal(base);
  };
  CHECK(refused("ln_before", true) == "config: ln_before is true, expected false: such adapters are not read");
  CHECK(refused("inv_adapter", "nice").starts_with("config: inv_adapter is \"nice\", expected nothing"));
  CHECK(refused("leave_out", {0}).starts_with("config: leave_out is [0], expected nothing"));
  CHECK(refused("scaling", "learned") == "config: scaling is \"learned\", expected a finite number");
  CHECK(refused("use_gating", true).starts_with("config: use_gating is true"));
  CHECK(refused("original_ln_after", false).starts_with("config: original_ln_after is false"));
  CHECK(refused("residual_before_ln", "post_add").starts_with("config: residual_before_ln is \"post_add\""));
  CHECK(refused("mh_adapter", true).starts_with("config: mh_adapter is true, expected false where is_parallel or"));
  CHECK(refused("output_adapter", false) == "config: output_adapter is false, expected true, or mh_adapter");
  CHECK(refused("non_linearity", "tanh") ==
        "config: non_linearity is \"tanh\", expected relu, gelu, gelu_new, gelu_pytorch_tanh, swish or silu");
  for (const nlohmann::json& factor : {nlohmann::json(0), {-1}, {1e-9}, {{"default", 8}}, {"8"}})
    CHECK(refused("reduction_factor", factor).starts_with("config: reduction_factor is "));
  CHECK(refused("architecture", "lora").starts_with("config: architecture is \"lora\", expected none"));
  CHECK(refused("extra", 1) == "config: has unknown fields: extra; they may ask for another model than would be made");
  CHECK(refused("is_parallel", true, "gpt2_seq_bn", "gpt2").starts_with("config: is_parallel is true, expected false"));
  CHECK(refused("phm_dim", 3, "bert_compacter").starts_with("config: phm_dim is 3, expected a divisor of the width"));
  CHECK(refused("shared_W_phm", true, "bert_compacter").starts_with("config: shared_W_phm is true"));
  CHECK(refused("dropout", 0.1).empty());

  LibraryCopy other{"bert_seq_bn"};
  CHECK(other.refusal("roberta") ==
        "model_type is \"bert\", expected roberta, as in the base: is it that of another model?");
  other.config["hidden_size"] = 64;
  CHECK(other.refusal("bert") == "hidden_size is 64, expected 32, as in the base: is it that of another model?");
  other.config["version"] = "3.2.1";
  CHECK(other.refusal("bert").starts_with("version is \"3.2.1\", expected adapters.1.3.0 or the like"));
  other.config = {{"peft_type", "LORA"}};
  CHECK(other.refusal("bert").starts_with("peft_type is \"LORA\", expected no adapter of PEFT here"));
  const fs::path own = data / "library_adapters" / "bert_seq_bn";
  CHECK(error_of([&] { static_cast<void>(apply_peft(own, data / "bert")); })
            .ends_with("peft_type is null, expected an adapter of PEFT: one of the library adapters is read with "
                       "--adapters in place of --peft"));
}

TEST_CASE("a pickle, and heads that are not read, are refused") {
  LibraryCopy pickle{"bert_seq_bn"};
  fs::rename(pickle.file("adapter.safetensors"), pickle.file("pytorch_adapter.bin"));
  CHECK(error_of([&] { static_cast<void>(apply_adapters(pickle.file(""), data / "bert")); })
            .ends_with("has no adapter.safetensors, but a pickle, which is not read: save it again with "
                       "use_safetensors=True"));
  const auto refused = [](const char* adapter, const char* field, const nlohmann::json& value) {
    LibraryCopy copy{adapter};
    (copy.head["config"].is_null() ? copy.head : copy.head["config"])[field] = value;
    return copy.refusal("bert");
  };
  CHECK(refused("bert_par_bn", "head_type", "tagging") == "config: head_type is \"tagging\", expected classification");
  CHECK(refused("bert_par_bn", "activation_function", "relu").starts_with("config: layers is 2, expected 2 with tanh"));
  CHECK(refused("bert_par_bn", "layers", 3).starts_with("config: layers is 3"));
  CHECK(refused("bert_pooled", "use_pooler", false).starts_with("config: layers is 1"));
  CHECK(refused("bert_par_bn", "label2id", {{"a", 0}, {"b", 0}}).starts_with("config: label2id is "));
  CHECK(
      refused("bert_par_bn", "label2id", {{"a", 0}, {"b", 1}}).ends_with("is for 3 labels, head_config.json names 2"));
  CHECK(refused("bert_seq_bn", "model_class", "BertForTokenClassification").starts_with("model_class is "));
}

TEST_CASE("a bottleneck that is written for the library is read again as the same model") {
  const TemporaryDirectory folder;
  for (const char* base : {"bert", "roberta", "gpt2"})
    for (const char* name : {"houlsby", "pfeiffer", "parallel", "compacter", "compacter++"}) {
      INFO(base << ", " << name);
      const MethodSettings method{
          .name = name, .beside = "none", .adapter_width = std::string_view{name}.starts_with("c") ? 12 : 5};
      const auto model = trained(data / base, base, method);
      const fs::path to = folder / (std::string{base} + name);
      const auto write = [&] { export_adapters(*model, to, {.base = data / base}, random_probes(model->config(), 4)); };
      if (std::string_view{base} == "gpt2" && std::string_view{name} == "parallel") {
        CHECK(error_of(write).starts_with("beside the feed-forward layer of GPT-2 the library adapters reads"));
        continue;
      }
      write();
      const auto again = apply_adapters(to, data / base);
      CHECK(relative_error(logits_of(*again, base), logits_of(*model, base)) < 1e-5);
      CHECK(again->config().labels == model->config().labels);
    }
  const MethodSettings own{.name = "compacter", .beside = "none", .adapter_rank = 2, .phm_dim = 2, .phm_rule = "own"};
  const auto model = trained(data / "bert", "bert", own);
  export_adapters(*model, folder / "own", {.base = data / "bert"}, random_probes(model->config(), 4));
  CHECK(relative_error(logits_of(*apply_adapters(folder / "own", data / "bert"), "bert"), logits_of(*model, "bert")) <
        1e-5);
}

TEST_CASE("what the library has no place for is not written for it") {
  const TemporaryDirectory folder;
  const auto refused = [&](const MethodSettings& method) {
    const auto model = trained(data / "bert", "bert", method);
    return error_of([&] { export_adapters(*model, folder / "none", {.base = data / "bert"}, {}); });
  };
  CHECK(refused({.name = "lora"}) == "the model has no bottleneck, so it is not an adapter of the library adapters");
  for (const char* name : {"low-rank", "ia3"})
    CHECK(refused({.name = name, .beside = "none"}) ==
          "the library adapters has no such branches as the model: write a task file");
  CHECK(refused({.name = "houlsby"})
            .ends_with("has trained, which an adapter of the library adapters does not hold: "
                       "train with --beside none, or write a task file"));
  CHECK_FALSE(fs::exists(folder / "none"));
}

TEST_CASE("the library finds the width of every adapter again") {
  const ModelConfig base = read_config(data / "bert");
  for (index_t width = 1; width <= 3 * base.width; ++width) {
    const AdaptersConfig config{.name = "a",
                                .branches = {{transformer::BranchPlace::after_block, pst::Bottleneck{.width = width}}}};
    const AdaptersConfig again = parse_adapters_config(adapters_config_text(config, base), base, "it");
    CHECK(std::get<pst::Bottleneck>(again.branches.front().policy).width == width);
  }
}

TEST_CASE("bottlenecks for the library, and the logits they should give, are kept for make/check_library_adapters.py") {
  const char* const keep = std::getenv("FINETUNE_KEEP");
  if (keep == nullptr) return;
  for (const char* base : {"bert", "roberta", "gpt2"})
    for (const char* name : {"houlsby", "pfeiffer", "parallel", "compacter", "compacter++"}) {
      if (std::string_view{base} == "gpt2" && std::string_view{name} == "parallel") continue;
      const auto model = trained(data / base, base, {.name = name, .beside = "none"});
      const fs::path to = fs::path{keep} / "library_adapters" / base / name;
      fs::create_directories(to.parent_path());
      export_adapters(*model, to, {.base = data / base, .overwrite = true}, random_probes(model->config(), 4));
      Matrix logits;
      model->forward(Golden{base}.batch(), logits);
      pst::io::save_tensors(fs::path{to}.replace_extension(".safetensors"),
                            {pst::Tensor::from<float>("logits", {logits.rows(), logits.cols()}, numbers(logits))});
    }
}

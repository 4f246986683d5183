// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <fstream>

#include "changed_folder.hpp"

using namespace finetune;
using namespace finetune::test;

TEST_CASE("a model that is loaded and saved has the names, shapes and bits that transformers wrote") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const bool together : {false, true}) {
      const TemporaryDirectory folder;
      save_model(*load(data / name, {.together = together}).model, folder.path());
      const auto expected = tensors_of(data / name), found = tensors_of(folder.path());
      REQUIRE(found.size() == expected.size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].name == expected[i].name);
        CHECK(found[i].shape == expected[i].shape);
        CHECK(found[i].bytes == expected[i].bytes);
      }
      if (const char* keep = std::getenv("FINETUNE_KEEP"); keep != nullptr)
        fs::copy(folder.path(), fs::path{keep} / name,
                 fs::copy_options::overwrite_existing | fs::copy_options::recursive);
    }
}

TEST_CASE("old spellings, missing prefixes and shards are read as the same model") {
  const Golden golden{"bert"}, words{"gpt2"};
  const TemporaryDirectory old, bare, bare_gpt2, shards;
  copy_changed("bert", old.path(), [](auto& list) {
    renamed("LayerNorm.weight", "LayerNorm.gamma")(list);
    renamed("LayerNorm.bias", "LayerNorm.beta")(list);
  });
  check_logits(*load(old.path()).model, golden, 1e-5);
  copy_changed("bert", bare.path(), renamed("bert.", ""));
  check_logits(*load(bare.path()).model, golden, 1e-5);

  copy_changed("gpt2", bare_gpt2.path(), [](auto& list) {
    renamed("transformer.", "")(list);
    list.push_back({"h.0.attn.bias", ElementType::f32, {1}, std::vector<std::byte>(4)});
    list.push_back({"h.0.attn.masked_bias", ElementType::f32, {}, std::vector<std::byte>(4)});
  });
  const LoadedModel gpt2 = load(bare_gpt2.path());
  CHECK(gpt2.unused.empty());
  check_logits(*gpt2.model, words, 1e-5);

  copy_changed("bert", shards.path(), nothing);
  const std::vector<Stored> list = tensors_of(data / "bert");
  fs::remove(shards.path() / "model.safetensors");
  std::string map;
  for (std::size_t i = 0; i < list.size(); ++i)
    map += (i == 0 ? "" : ",") + ('"' + list[i].name) + (i < 7 ? R"(":"one.safetensors")" : R"(":"two.safetensors")");
  write(shards.path() / "one.safetensors", std::span{list}.first(7));
  write(shards.path() / "two.safetensors", std::span{list}.subspan(7));
  std::ofstream{shards.path() / "model.safetensors.index.json"} << R"({"weight_map":{)" << map << "}}";
  check_logits(*load(shards.path()).model, golden, 1e-5);
}

TEST_CASE("a model saved in 16 bits is widened when it is read") {
  const Golden golden{"roberta"};
  for (const ElementType type : {ElementType::f16, ElementType::bf16}) {
    const TemporaryDirectory folder, again;
    save_model(*load(data / "roberta").model, folder.path(), {.type = type});
    CHECK(tensors_of(folder.path()).front().type == type);
    const LoadedModel loaded = load(folder.path());
    check_logits(*loaded.model, golden, 0.1);  // 8 bits of mantissa
    save_model(*loaded.model, again.path(), {.type = type});
    CHECK(tensors_of(again.path()).front().bytes == tensors_of(folder.path()).front().bytes);
    CHECK(read_config(folder.path()).json["dtype"] == (type == ElementType::f16 ? "float16" : "bfloat16"));
  }
}

TEST_CASE("a number too large for a type of file is refused with the types that hold it") {
  const LoadedModel loaded = load(data / "bert");
  const auto error_with = [&](float number, ElementType type) {
    loaded.model->for_each_tensor([&](const TensorPlace& place, Matrix& value, Layer*) {
      if (place.name == "classifier.bias") value(0, 1) = number;
    });
    const TemporaryDirectory folder;
    return pst::io::test::error_of([&] { save_model(*loaded.model, folder.path(), {.type = type}); });
  };
  CHECK(error_with(70000.0F, ElementType::f16) ==
        "tensor \"classifier.bias\" holds 70000 at element 1, which is too large for f16: bf16 and f32 hold it, give "
        "another --type");
  CHECK(error_with(3.4028e38F, ElementType::f16).ends_with("too large for f16: f32 holds it, give another --type"));
  CHECK(error_with(3.4028e38F, ElementType::bf16).ends_with("too large for bf16: f32 holds it, give another --type"));
  CHECK(error_with(65504.0F, ElementType::f16).empty());
  CHECK(error_with(70000.0F, ElementType::bf16).empty());
  CHECK(error_with(3.4028e38F, ElementType::f32).empty());
}

TEST_CASE("a head that the folder lacks is made and named, and so is what is not used") {
  const TemporaryDirectory folder;
  copy_changed("bert", folder.path(), renamed("classifier.", "cls.seq_relationship."), "BertForSequenceClassification",
               "BertForPreTraining");
  const LoadedModel one = load(folder.path(), {.labels = {"no", "yes"}});
  CHECK(one.made_new == std::vector<std::string>{"classifier.weight", "classifier.bias"});
  CHECK(one.unused == std::vector<std::string>{"cls.seq_relationship.bias", "cls.seq_relationship.weight"});
  CHECK(one.model->config().outputs() == 2);
  const auto head_of = [](const LoadedModel& loaded) {
    Matrix head;
    loaded.model->for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer*) {
      if (place.name == "classifier.weight") head = value;
    });
    return head;
  };
  const Matrix head = head_of(one);
  CHECK(head.norm() == doctest::Approx(0.02 * 8).epsilon(0.3));  // 64 numbers of deviation 0.02
  CHECK(head == head_of(load(folder.path(), {.labels = {"no", "yes"}})));
  CHECK(head != head_of(load(folder.path(), {.labels = {"no", "yes"}, .seed = 2})));
}

TEST_CASE("labels of another number need a new head") {
  const ModelOptions two{.labels = {"no", "yes"}};
  CHECK_THROWS_WITH_AS(load(data / "bert", two),
                       (std::string{FINETUNE_DATA} +
                        "/bert/model.safetensors: tensor \"classifier.weight\" has shape [3,32], expected [2,32] by "
                        "config.json; for other labels give train --new-head, which leaves this head aside")
                           .c_str(),
                       pst::Error);
  const LoadedModel loaded = load(data / "bert", {.new_head = true, .labels = {"score"}});
  CHECK(loaded.model->config().objective == Objective::regression);
  const TemporaryDirectory folder;
  save_model(*loaded.model, folder.path());
  const ModelConfig saved = read_config(folder.path());
  CHECK(saved.labels == std::vector<std::string>{"score"});
  CHECK(saved.objective == Objective::regression);
  CHECK(load(folder.path()).made_new.empty());
}

TEST_CASE("weights that do not fit are refused by name") {
  CHECK(refusal("bert", without("layer.1.output.dense.weight")) ==
        "model.safetensors: has no tensor \"bert.encoder.layer.1.output.dense.weight\", expected one of shape [32,48]; "
        "all other tensors of the file are as expected");
  CHECK(refusal("gpt2",
                [](auto& list) {
                  for (Stored& each : list)
                    if (each.name == "transformer.h.1.mlp.c_fc.weight") std::swap(each.shape[0], each.shape[1]);
                }) ==
        "model.safetensors: tensor \"transformer.h.1.mlp.c_fc.weight\" has shape [48,32], expected [32,48] by "
        "config.json");
  CHECK(refusal("bert",
                [](auto& list) {
                  Stored copy = list[0];
                  copy.name = "bert.embeddings.LayerNorm.beta";
                  copy.shape = {static_cast<index_t>(copy.bytes.size() / 4)};
                  list.push_back(copy);
                }) ==
        "model.safetensors: has both \"bert.embeddings.LayerNorm.bias\" and \"bert.embeddings.LayerNorm.beta\", "
        "expected one of them");
  CHECK(refusal("roberta", without("classifier.dense.bias")) ==
        "model.safetensors: has no tensor \"classifier.dense.bias\", expected one of shape [32]; all other "
        "tensors of the file are as expected");
  CHECK(refusal("gpt2",
                [](auto& list) {
                  for (const Stored& each : std::vector<Stored>{list})
                    if (each.name == "transformer.wte.weight") {
                      list.push_back(each);
                      list.back().name = "lm_head.weight";
                      list.back().bytes[0] ^= std::byte{1};
                    }
                }) ==
        "model.safetensors: tensor \"lm_head.weight\" differs from \"transformer.wte.weight\", expected the "
        "same, because tie_word_embeddings is true");
  CHECK(refusal("bert", [](auto& list) {
          for (Stored& each : list)
            if (each.name == "bert.pooler.dense.bias") each.bytes[3] = each.bytes[2] = std::byte{0xFF};
        }).starts_with("model.safetensors: tensor \"bert.pooler.dense.bias\" holds "));
}

TEST_CASE("weights of more blocks than the configuration has are refused") {
  const std::string why = " is of block 1 (from 0), expected 1 blocks by config.json; is it that of these weights?";
  const std::string two = R"("num_hidden_layers": 2)", one = R"("num_hidden_layers": 1)";
  const std::string bert = "encoder.layer.1.attention.output.LayerNorm.bias", gpt2 = "h.1.attn.c_attn.bias";
  CHECK(refusal("bert", nothing, two, one) == "model.safetensors: tensor \"bert." + bert + '"' + why);
  CHECK(refusal("roberta", renamed("roberta.", ""), two, one) == "model.safetensors: tensor \"" + bert + '"' + why);
  CHECK(refusal("gpt2", nothing, R"("n_layer": 2)", R"("n_layer": 1)") ==
        "model.safetensors: tensor \"transformer." + gpt2 + '"' + why);
  CHECK(refusal("bert", without("layer.1."), two, one).empty());
}

TEST_CASE("a tensor belongs to a block by the number in its name alone") {
  CHECK(block_of(Architecture::bert, "bert.encoder.layer.12.output.dense.bias") == 12);
  CHECK(block_of(Architecture::gpt2, "h.0.ln_1.weight") == 0);
  for (const char* name : {"bert.encoder.layer.weight", "bert.encoder.layer.3", "bert.encoder.layer.x.3", "bert.pooler",
                           "h.3.ln_1.weight", "cls.encoder.layer.3.bias", "encoder.layer.99999999999999999999.bias"})
    CHECK(!block_of(Architecture::bert, name));
}

TEST_CASE("a folder that holds a model is not overwritten unasked") {
  const TemporaryDirectory folder;
  const LoadedModel loaded = load(data / "bert");
  save_model(*loaded.model, folder.path());
  CHECK_THROWS_AS(save_model(*loaded.model, folder.path()), pst::Error);
  save_model(*loaded.model, folder.path(), {.overwrite = true});
}

TEST_CASE("batches that do not fit are refused") {
  const LoadedModel loaded = load(data / "bert");
  Matrix logits;
  const std::vector<int> ids(34, 1), bad{1, 40};
  const std::vector<index_t> lengths{1, 0};
  const auto refused = [&](const Batch& batch, const char* text) {
    CHECK_THROWS_WITH_AS(loaded.model->forward(batch, logits), text, pst::Error);
  };
  refused({.tokens = 17, .ids = ids}, "a sequence has 17 tokens, the model reads at most 16: truncate it");
  refused({.tokens = 4, .ids = ids}, "a batch has 34 ids, expected some sequences of 4 tokens");
  refused({.tokens = 0, .ids = ids}, "a batch has 34 ids, expected some sequences of 0 tokens");
  refused({.tokens = 17, .ids = ids, .lengths = lengths}, "a sequence has length 0, expected 1 to 17");
  refused({.tokens = 2, .ids = bad}, "token 1 has id 40, expected 0 to 39 for bert.embeddings.word_embeddings.weight");
  refused({.tokens = 2, .ids = std::span{ids}.first(2), .types = bad},
          "token 1 has id 40, expected 0 to 1 for bert.embeddings.token_type_embeddings.weight");
  Cache cache = loaded.model->make_cache(1);
  CHECK_THROWS_WITH_AS(loaded.model->next_logits({.tokens = 2, .ids = ids}, cache, logits),
                       "only a language model has a next token", pst::Error);
}

// SPDX-License-Identifier: Apache-2.0
// Folders that others have written: other names, heads and files.
#include "changed_folder.hpp"

using namespace finetune;
using namespace finetune::test;

TEST_CASE("names that do not fit are told with those that were met, and the configuration is not blamed") {
  CHECK(
      refusal("bert", renamed("bert.embeddings.word_embeddings", "bert.embeddings.words")) ==
      "model.safetensors: has no tensor \"bert.embeddings.word_embeddings.weight\", expected one of shape [40,32]; the "
      "file has of that shape \"bert.embeddings.words.weight\"");
  CHECK(refusal("bert", renamed("bert.", "electra.")).find("the file has ") != std::string::npos);
  CHECK(refusal("bert", renamed("bert.", "electra.")).find("config.json") == std::string::npos);
}

TEST_CASE("names behind the prefixes of wrappers are those of the model") {
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const Matrix expected = logits_of(load(data / name));
    const std::string prefix{prefix_of(read_config(data / name).architecture)};
    for (const auto& change : std::vector<Change>{
             prefixed("_orig_mod."), prefixed("module."), prefixed("module._orig_mod."), prefixed("model."),
             prefixed("a.b."), renamed(prefix, prefix + "_orig_mod."), renamed(".attn.", "._fsdp_wrapped_module.attn."),
             renamed(".attention.", "._checkpoint_wrapped_module.attention.")}) {
      const TemporaryDirectory folder;
      copy_changed(name, folder.path(), change);
      const LoadedModel loaded = load(folder.path());
      CHECK(loaded.made_new.empty());
      CHECK(loaded.unused.empty());
      CHECK(logits_of(loaded) == expected);
    }
  }
  CHECK(refusal("gpt2", [](auto& list) {
          list.push_back(list[0]);
          list.back().name = "module." + list[0].name;
        }).find(": has both \"") != std::string::npos);
}

TEST_CASE("tied weights may be there under the name of the head alone, as save_model leaves them") {
  const Matrix expected = logits_of(load(data / "gpt2"));
  for (const char* name : {"lm_head.weight", "_orig_mod.lm_head.weight"}) {
    const TemporaryDirectory folder;
    copy_changed("gpt2", folder.path(), renamed("transformer.wte.weight", name));
    CHECK(logits_of(load(folder.path())) == expected);
  }
  const TemporaryDirectory folder;
  copy_changed("bert", folder.path(),
               renamed("bert.embeddings.word_embeddings.weight", "cls.predictions.decoder.weight"));
  CHECK(logits_of(load(folder.path())) == logits_of(load(data / "bert")));
}

TEST_CASE("a pointer of Git LFS and a pickle are refused with what to do") {
  const TemporaryDirectory folder;
  fs::copy(data / "bert" / "config.json", folder.path());
  pst::io::test::write_text(folder.path() / "pytorch_model.bin", "x");
  CHECK_THROWS_WITH_AS(load(folder.path()), doctest::Contains("t.clone().contiguous()"), pst::Error);
  pst::io::test::write_text(folder.path() / "model.safetensors",
                            "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 438\n");
  CHECK_THROWS_WITH_AS(load(folder.path()), doctest::Contains("is a pointer of Git LFS"), pst::Error);
}

TEST_CASE("a head whose labels are the task's in another order and case gives its rows in the task's order") {
  for (const std::string name : {"bert", "roberta"}) {
    const LoadedModel as_it_is = load(data / name);
    if (as_it_is.model->config().outputs() != 3) continue;
    const TemporaryDirectory folder;
    copy_changed(name, folder.path(), nothing);
    nlohmann::json config = as_it_is.model->config().json;
    config["id2label"] = {{"0", "NEUTRAL"}, {"1", "Contradiction"}, {"2", "entailment"}};
    std::ofstream{folder.path() / "config.json"} << config;
    const LoadedModel loaded = load(folder.path(), {.labels = {"entailment", "neutral", "contradiction"}});
    CHECK(loaded.made_new.empty());
    CHECK(loaded.model->config().labels == std::vector<std::string>{"entailment", "neutral", "contradiction"});
    const Matrix expected = logits_of(as_it_is), found = logits_of(loaded);
    CHECK(found.col(0) == expected.col(2));
    CHECK(found.col(1) == expected.col(0));
    CHECK(found.col(2) == expected.col(1));
    const Matrix others = logits_of(load(folder.path(), {.labels = {"a", "b", "c"}}));
    CHECK(others == expected);
  }
}

TEST_CASE("a new head gets past any head of the folder") {
  for (const auto& [field, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"problem_type", "multi_label_classification"},
                                                           {"problem_type", "nonsense"},
                                                           {"id2label", {{"0", "a"}, {"7", "b"}}},
                                                           {"id2label", nlohmann::json::array()},
                                                           {"num_labels", 5000}}) {
    const TemporaryDirectory folder;
    copy_changed("bert", folder.path(), nothing);
    nlohmann::json config = read_config(data / "bert").json;
    if (field == "num_labels") config.erase("id2label");
    config[field] = value;
    std::ofstream{folder.path() / "config.json"} << config;
    CHECK_THROWS_AS(load(folder.path(), {.labels = {"no", "yes"}}), pst::Error);
    const LoadedModel loaded = load(folder.path(), {.new_head = true, .labels = {"no", "yes"}});
    CHECK(loaded.model->config().outputs() == 2);
    CHECK(loaded.made_new == std::vector<std::string>{"classifier.weight", "classifier.bias"});
    const TemporaryDirectory saved;
    save_model(*loaded.model, saved.path());
    CHECK(load(saved.path()).model->config().labels == std::vector<std::string>{"no", "yes"});
  }
}

// SPDX-License-Identifier: Apache-2.0
#include <pst/io/tensor_file.hpp>

#include <cstdlib>
#include <fstream>

#include "common/files.hpp"
#include "finetune/export/archive.hpp"
#include "finetune/export/compressed_body.hpp"
#include "finetune/export/ia3.hpp"
#include "finetune/export/lora.hpp"
#include "finetune/export/prompt.hpp"
#include "finetune/export/task_file.hpp"
#include "finetune/methods/adapters.hpp"
#include "finetune/train/training_step.hpp"
#include "short_training.hpp"
#include "small_tokenizers.hpp"
#include "trained_models.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::ElementType;
using pst::io::test::error_of;

namespace {

/// A copy of a fixture with tokenizer files.
fs::path base_in(const fs::path& folder, const std::string& name) {
  const fs::path base = folder / "base";
  fs::create_directories(base);
  for (const char* file : {"config.json", "model.safetensors"}) fs::copy_file(data / name / file, base / file);
  write_small_tokenizer(name, base);
  return base;
}

void check_layers(Model& model, const ExportReport& report) {
  std::size_t at = 0;
  model.for_each_layer([&](Layer& layer) {
    const LayerZeros& found = report.layers.at(at++);
    CHECK(found.name == layer.name);
    CHECK(found.zeros == found.size - layer.layer.kept());
  });
  CHECK(at == report.layers.size());
  const LayerZeros total = report.total();
  CHECK(static_cast<double>(total.zeros) / static_cast<double>(total.size) == doctest::Approx(0.8).epsilon(0.01));
  CHECK(report.difference.logits < 1e-5);
  CHECK(report.difference.changed == 0);
  CHECK(report.difference.sequences == 12);
}

/// Flips bytes of a copy of a file, cuts it, and calls `read` with it: it must throw or not, but nothing else.
void check_damaged(const fs::path& file, const std::function<void()>& read) {
  const std::string good = common::read_file(file);
  std::mt19937_64 random{3};
  std::size_t refused = 0;
  for (int turn = 0; turn < 150; ++turn) {
    std::string bad = good;
    if (turn % 5 == 0) bad.resize(random() % bad.size());
    const std::size_t reach = turn % 2 == 0 ? bad.size() : std::min<std::size_t>(bad.size(), 3000);
    for (int flip = 0; flip < 3 && reach > 0; ++flip) bad[random() % reach] = static_cast<char>(random());
    std::ofstream{file, std::ios::binary} << bad;
    refused += error_of(read).empty() ? 0 : 1;
  }
  std::ofstream{file, std::ios::binary} << good;
  CHECK(refused > 60);
  CHECK(error_of(read).empty());
}

}  // namespace

TEST_CASE("a folder holds exact zeros, the tokenizer, and the model's answers") {
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const TemporaryDirectory folder;
    const fs::path base = base_in(folder.path(), name), out = folder.path() / "new" / "out";
    const auto model = trained_model(name, method_of("pst"));
    const auto probes = random_probes(model->config(), 12);
    const ExportReport report = export_folder(*model, out, {.base = base}, probes);
    check_layers(*model, report);
    CHECK(report.bytes == fs::file_size(out / "model.safetensors"));
    CHECK(fs::exists(out / (name == "bert" ? "vocab.txt" : "tokenizer.json")));
    CHECK(inside(out.parent_path()) == std::vector<fs::path>{"out"});  // nothing temporary is left
    const Golden golden{name};
    const LoadedModel again = load_model(out, {}, transformer::dense_layers<float>());
    CHECK(relative_error(logits_of(*again.model, golden), logits_of(*model, golden)) < 1e-5);
  }
}

TEST_CASE("an archive gives the answers of the model from compressed weights") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const bool together : {false, true}) {
      const TemporaryDirectory folder;
      const fs::path base = base_in(folder.path(), name), out = folder.path() / "archive";
      const auto model = trained_model(name, method_of("pst"), {.train_embeddings = false, .together = together});
      const auto probes = random_probes(model->config(), 12);
      const ExportReport report = export_archive(*model, out, {.base = base}, probes);
      check_layers(*model, report);
      CHECK(report.bytes < report.dense_bytes);
      const Golden golden{name};
      for (const bool as_one : {false, true}) {
        const auto again = load_archive(out, as_one);
        CHECK(relative_error(logits_of(*again, golden), logits_of(*model, golden)) < 1e-5);
        CHECK(layer_bytes(*again) < layer_bytes(*densified(*again)));
        CHECK_THROWS_AS(again->learn(golden.batch(), golden.targets()), pst::Error);
      }
    }
}

TEST_CASE("an archive in 16 bits holds each number rounded once, and is about half as large") {
  const auto model = trained_model("bert", method_of("pst"));
  const auto probes = random_probes(model->config(), 12);
  const TemporaryDirectory folder;
  const auto bytes = [&](const char* name, ElementType type) {
    const ExportReport report = export_archive(*model, folder.path() / name, {.type = type}, probes);
    CHECK(report.difference.logits < 0.05);
    return static_cast<double>(report.bytes);
  };
  const double whole = bytes("f32", ElementType::f32);
  for (const ElementType type : {ElementType::f16, ElementType::bf16}) {
    const std::string name{pst::io::name_of(type)};
    CHECK(bytes(name.c_str(), type) < 0.75 * whole);  // of a model this small, headers are a large part
    const auto again = load_archive(folder.path() / name);
    CHECK(layer_bytes(*again) < layer_bytes(*load_archive(folder.path() / "f32")));
  }
}

TEST_CASE("compressed and densified models answer as the model does") {
  const auto model = trained_model("roberta", method_of("magnitude"));
  const Golden golden{"roberta"};
  const auto sparse = compressed(*model), dense = densified(*sparse);
  CHECK(relative_error(logits_of(*sparse, golden), logits_of(*model, golden)) < 1e-5);
  CHECK(relative_error(logits_of(*dense, golden), logits_of(*model, golden)) < 1e-5);
}

TEST_CASE("layers that are not half zeros stay dense where others are compressed") {
  MethodSettings method = method_of("magnitude");
  method.modules = "query";
  const auto model = trained_model("roberta", method);
  CHECK(reached_sparsity(*model, method) == doctest::Approx(0.8).epsilon(0.01));  // of the layers that were chosen
  CHECK(reached_sparsity(*model, method_of("magnitude")) < 0.3);
  const auto mixed = compressed(*model);
  mixed->for_each_layer([](Layer& layer) {
    CHECK((dynamic_cast<CompressedLinear*>(&layer.layer.layer()) != nullptr) == layer.name.ends_with("query"));
  });
  CHECK(layer_bytes(*mixed) < layer_bytes(*densified(*model)));
  const Golden golden{"roberta"};
  CHECK(relative_error(logits_of(*mixed, golden), logits_of(*model, golden)) < 1e-5);
}

TEST_CASE("a task file makes the task's model of the base, bit for bit") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const std::string method : {"pst", "pst-rc", "lora"}) {
      const TemporaryDirectory folder;
      const auto model = trained_model(name, method_of(method));
      const auto probes = random_probes(model->config(), 12);
      const fs::path file = folder.path() / "task.safetensors";
      const ExportReport report = export_task_file(*model, file, {.base = data / name, .scale = 0.7}, probes);
      CHECK(report.bytes == fs::file_size(file));
      CHECK(report.difference.logits < 1e-5);
      CHECK(inside(folder.path()) == std::vector<fs::path>{"task.safetensors"});
      const auto again = apply_task_file(file, data / name);
      check_same_numbers(*model, *again, ElementType::f32, "applied");
      CHECK(again->config().labels == model->config().labels);
      export_task_file(*model, file, {.base = data / name, .scale = 0.7, .scores = true, .overwrite = true}, probes);
      if (method == "pst") CHECK(fs::file_size(file) > report.bytes);
      check_same_numbers(*model, *apply_task_file(file, data / name), ElementType::f32, "applied");
    }
}

TEST_CASE("toolkit test 6: two tasks share one base, and a wrong base is refused by name") {
  const TemporaryDirectory folder;
  const fs::path base = base_in(folder.path(), "bert");
  const fs::path one = folder.path() / "one.safetensors", two = folder.path() / "two.safetensors";
  const auto first = trained_model("bert", method_of("pst"));
  const auto second = trained_model("bert", method_of("pst-ab"),
                                    {.train_embeddings = false, .new_head = true, .labels = {"x", "y", "z"}});
  export_task_file(*first, one, {.base = base, .scale = 0.7}, {});
  export_task_file(*second, two, {.base = base, .scale = 0.7}, {});
  check_same_numbers(*first, *apply_task_file(one, base), ElementType::f32, "one");
  const auto again = apply_task_file(two, base);
  check_same_numbers(*second, *again, ElementType::f32, "two");
  CHECK(again->config().labels == std::vector<std::string>{"x", "y", "z"});

  const fs::path other = folder.path() / "other";
  const LoadedModel changed = load_model(base, {}, transformer::dense_layers<float>());
  changed.model->for_each_tensor([](const TensorPlace& place, Matrix& value, Layer*) {
    if (place.name == "bert.encoder.layer.1.output.dense.weight") value(3, 4) += 1e-3F;
  });
  save_model(*changed.model, other);
  const std::string error = error_of([&] { static_cast<void>(apply_task_file(one, other)); });
  CHECK(error.starts_with(one.string() + ": was made for the base \"base\" with the fingerprint "));
  CHECK(error.ends_with(": give the folder that the task was trained from"));
  CHECK(error_of([&] { export_task_file(*first, folder.path() / "three", {.base = other, .scale = 0.7}, {}); }) != "");
  CHECK(error_of([&] { export_task_file(*first, folder.path() / "three", {.base = base, .scale = 0.6}, {}); }) != "");
  CHECK(!fs::exists(folder.path() / "three"));
}

TEST_CASE("what a small file cannot hold is refused") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "file";
  for (const std::string method : {"magnitude", "movement", "full"}) {
    const auto model = trained_model("bert", method_of(method));
    CHECK(error_of([&] { export_task_file(*model, file, {.base = data / "bert"}, {}); }) ==
          "layer encoder.layer.0.attention.self.query: the weight itself has trained, so a task file would be as large "
          "as the model: write a folder or an archive");
    CHECK(error_of([&] { export_lora(*model, file, {.base = data / "bert"}, {}); }) ==
          "layer encoder.layer.0.attention.self.query: the weight itself has trained, and an adapter holds low-rank "
          "updates alone: write a folder or an archive");
  }
  const auto embedded = trained_model("gpt2", method_of("pst"), {.train_embeddings = true});
  const std::string text =
      "tensor transformer.wpe.weight has trained and is as large as all embeddings: only a folder or an archive can "
      "hold it";
  CHECK(error_of([&] { export_task_file(*embedded, file, {.base = data / "gpt2", .scale = 0.7}, {}); }) == text);
  CHECK(error_of([&] { export_lora(*embedded, file, {.base = data / "gpt2", .scale = 0.7}, {}); }) == text);
  CHECK(inside(folder.path()).empty());
}

TEST_CASE("kept weights that trained go into folders, archives and task files, and into no adapter") {
  for (const std::string name : {"bert", "gpt2"})
    for (const std::string method : {"pst", "magnitude"}) {
      const TemporaryDirectory folder;
      const fs::path base = base_in(folder.path(), name);
      const auto model = trained_model(name, method_of(method));
      model->train_kept(1.0);
      for (const ModelParameter& each : model->parameters())
        if (each.name.ends_with(".weight.kept")) transformer::map(each.parameter.value).array() *= 1.5F;
      model->refresh(1.0);
      const auto probes = random_probes(model->config(), 12);
      check_layers(*model, export_folder(*model, folder.path() / "folder", {.base = base}, probes));
      check_layers(*model, export_archive(*model, folder.path() / "archive", {.base = base}, probes));
      const fs::path file = folder.path() / "task.safetensors";
      check_layers(*model, export_task_file(*model, file, {.base = base}, probes));
      check_same_numbers(*model, *apply_task_file(file, base), ElementType::f32, "applied");
      const Golden golden{name};
      const LoadedModel again = load_model(folder.path() / "folder", {}, transformer::dense_layers<float>());
      CHECK(relative_error(logits_of(*again.model, golden), logits_of(*model, golden)) < 1e-5);
      const std::string error = error_of([&] { export_lora(*model, folder.path() / "lora", {.base = base}, {}); });
      CHECK(error.find(": the kept weights themselves have trained, and an adapter holds low-rank updates alone") !=
            std::string::npos);
    }
}

TEST_CASE("an adapter gives the answers of the model without its mask") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const bool together : {false, true}) {
      const TemporaryDirectory folder;
      const auto model = trained_model(name, method_of("pst"), {.train_embeddings = false, .together = together});
      const ExportReport report = export_lora(*model, folder.path() / "lora", {.base = data / name, .scale = 0.7},
                                              random_probes(model->config(), 12));
      CHECK(report.difference.logits < 1e-5);
      const auto adapter = nlohmann::json::parse(common::read_file(folder.path() / "lora" / "adapter_config.json"));
      CHECK(adapter["r"] == 3);
      CHECK(adapter["lora_alpha"] == 3);
      CHECK(adapter["fan_in_fan_out"] == (name == "gpt2"));
      CHECK(adapter["rank_pattern"].size() == (name == "gpt2" && !together ? 1 : 0));
      const Golden golden{name};
      CHECK(relative_error(logits_of(*dense_part(*model, 0.7), golden), logits_of(*model, golden)) > 0.01);
      if (name != "gpt2" || !together) continue;
      const auto file = pst::io::Safetensors::open(folder.path() / "lora" / "adapter_model.safetensors");
      CHECK(file.at("base_model.model.transformer.h.1.attn.c_attn.lora_A.weight").shape == std::vector<index_t>{3, 32});
      CHECK(file.at("base_model.model.transformer.h.1.attn.c_attn.lora_B.weight").shape == std::vector<index_t>{96, 3});
    }
}

TEST_CASE("nothing is overwritten unasked, and only what an export wrote when asked") {
  const TemporaryDirectory folder;
  const auto model = trained_model("bert", method_of("pst"));
  const fs::path out = folder.path() / "out", file = folder.path() / "task";
  const auto write = [&](bool overwrite) {
    return error_of([&] { export_folder(*model, out, {.overwrite = overwrite}, {}); });
  };
  CHECK(write(false).empty());
  CHECK(write(false) == out.string() + ": exists and is not overwritten: choose another folder, or say --overwrite");
  CHECK(write(true).empty());
  std::ofstream{out / "thesis.tex"} << "x";
  CHECK(write(true) ==
        out.string() + ": holds thesis.tex, which no export writes, so it is not overwritten: choose another folder");
  CHECK(fs::exists(out / "thesis.tex"));
  fs::create_directory(folder.path() / "texts");
  std::ofstream{folder.path() / "texts" / "notes.txt"} << "x";
  CHECK(error_of([&] { export_archive(*model, folder.path() / "texts", {.overwrite = true}, {}); }) ==
        (folder.path() / "texts").string() + ": holds no config.json, so it is not overwritten: choose another folder");
  const auto write_task = [&](bool overwrite) {
    return error_of(
        [&] { export_task_file(*model, file, {.base = data / "bert", .scale = 0.7, .overwrite = overwrite}, {}); });
  };
  CHECK(write_task(false).empty());
  CHECK(write_task(false) == file.string() + ": exists and is not overwritten: give another file, or --overwrite");
  CHECK(write_task(true).empty());
  fs::remove(file);
  fs::copy_file(out / "model.safetensors", file);
  CHECK(write_task(true) == file.string() + ": has no kind in its metadata, so it is no pst task file");
  CHECK(inside(folder.path()) == std::vector<fs::path>{"out", "task", "texts"});
}

TEST_CASE("damaged archives and task files are refused or read, and nothing else") {
  const TemporaryDirectory folder;
  for (const std::string name : {"bert", "gpt2"}) {
    const auto model = trained_model(name, method_of("pst"));
    const fs::path archive = folder.path() / name, task = folder.path() / (name + ".task");
    export_archive(*model, archive, {}, {});
    export_task_file(*model, task, {.base = data / name, .scale = 0.7}, {});
    const auto read_archive = [&] { static_cast<void>(load_archive(archive)); };
    check_damaged(archive / "model.safetensors", read_archive);
    check_damaged(archive / "config.json", read_archive);
    check_damaged(task, [&] { static_cast<void>(apply_task_file(task, data / name)); });
  }
}

TEST_CASE("an archive of more blocks than its configuration has is refused") {
  const TemporaryDirectory folder;
  const fs::path archive = folder.path() / "archive", config = archive / "config.json";
  export_archive(*trained_model("bert", method_of("pst")), archive, {}, {});
  std::string changed = common::read_file(config);
  const std::string two = R"("num_hidden_layers": 2)";
  REQUIRE(changed.find(two) != std::string::npos);
  changed.replace(changed.find(two), two.size(), R"("num_hidden_layers": 1)");
  common::write_file(config, changed);
  CHECK(error_of([&] {
          static_cast<void>(load_archive(archive));
        }).find(" is of block 1 (from 0), expected 1 blocks by config.json") != std::string::npos);
}

TEST_CASE("folders and archives are not taken for one another") {
  const TemporaryDirectory folder;
  const auto model = trained_model("bert", method_of("pst"));
  export_folder(*model, folder.path() / "folder", {}, {});
  export_archive(*model, folder.path() / "archive", {}, {});
  const std::string plain = (folder.path() / "folder" / "config.json").string();
  CHECK(error_of([&] { static_cast<void>(load_archive(folder.path() / "folder")); }) ==
        plain + ": has no quantization_config, so this is no sparse archive: read a Hugging Face folder with --model");
  CHECK(error_of([&] {
          static_cast<void>(load_model(folder.path() / "archive", {}, transformer::dense_layers<float>()));
        }).find("quantization_config") != std::string::npos);
  CHECK(error_of([&] {
          static_cast<void>(apply_task_file(folder.path() / "folder" / "model.safetensors", data / "bert"));
        }) == (folder.path() / "folder" / "model.safetensors").string() +
                  ": has no kind in its metadata, so it is no pst task file");
}

TEST_CASE("exports and the logits they should give are kept for make/check_exports.py when asked") {
  const char* const keep = std::getenv("FINETUNE_KEEP");
  if (keep == nullptr) return;
  for (const std::string name : {"bert", "roberta", "gpt2"}) {
    const fs::path to = fs::path{keep} / "exports" / name;
    fs::create_directories(to);
    const fs::path base = base_in(to, name);
    const auto model = trained_model(name, method_of("pst"));
    const auto probes = random_probes(model->config(), 12);
    export_folder(*model, to / "folder", {.base = base}, probes);
    export_archive(*model, to / "archive", {.base = base}, probes);
    export_lora(*model, to / "lora", {.base = base, .scale = 0.7}, probes);
    pst::TensorList expected;
    const auto add = [&](const char* what, Model& asked) {
      Matrix logits;
      asked.forward(Golden{name}.batch(), logits);
      expected.push_back(pst::Tensor::from<float>(what, {logits.rows(), logits.cols()}, numbers(logits)));
    };
    add("sparse", *model);
    add("dense_part", *dense_part(*model, 0.7));
    const auto scaled = trained(base, name, {.name = "ia3"});
    export_ia3(*scaled, to / "ia3", {.base = base}, probes);
    add("ia3", *scaled);
    for (const char* tokens : {"prefix", "prompt"}) {
      const auto prompted = trained(base, name, {.name = tokens, .virtual_tokens = 3});
      export_prompt(*prompted, to / tokens, {.base = base}, random_probes(prompted->config(), 12));
      add(tokens, *prompted);
    }
    pst::io::save_tensors(to / "expected.safetensors", expected);
  }
}

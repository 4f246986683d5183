// SPDX-License-Identifier: Apache-2.0
// Task files of methods that train a part of a model.
#include <pst/any/changed.hpp>
#include <pst/core/radix_select.hpp>
#include <pst/io/checksum.hpp>
#include <pst/io/tensor_file.hpp>

#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "finetune/export/dense_folder.hpp"
#include "finetune/export/listed_changes.hpp"
#include "finetune/export/lora.hpp"
#include "finetune/export/rounding.hpp"
#include "finetune/export/task_file.hpp"
#include "short_training.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::ElementType;
using pst::io::test::contains;
using pst::io::test::error_of;
using pst::io::test::TemporaryDirectory;

namespace {

struct TrainedPart {
  const char* title;
  MethodSettings method;
};
/// One of each kind of what trains.
std::vector<TrainedPart> parts() {
  return {{"low-rank in two modules", {.name = "lora", .delta_rank = 3, .modules = "attn.q,attn.v", .beside = "none"}},
          {"low-rank and biases", {.name = "lora", .delta_rank = 3}},
          {"row norms beside a direction", {.name = "dora", .delta_rank = 3, .beside = "none"}},
          {"one vector for all weights", {.name = "intrinsic", .dimension = 50}},
          {"one vector for two modules, with scales, and norms",
           {.name = "intrinsic", .modules = "attn.q,ff.w1", .beside = "norms", .dimension = 700, .said = true}},
          {"one vector under a mask that was there", {.name = "intrinsic", .dimension = 50, .keep_mask = true}},
          {"biases", {.name = "bitfit"}},
          {"norms", {.name = "norms"}},
          {"the last block", {.name = "full", .modules = "@last-1"}},
          {"the head", {.name = "frozen", .beside = "none"}},
          {"a part of PST", {.name = "pst", .sparsity = 0.8, .modules = "ff.w1,ff.w2"}},
          {"a mask that is learnt", {.name = "masking", .masked = 0.3}},
          {"row norms under a mask that was there", {.name = "dora", .delta_rank = 3, .keep_mask = true}},
          {"a mask that was there", {.name = "lora", .delta_rank = 3, .keep_mask = true}}};
}

/// The fixture's folder with about half of the weights of its linear layers zero.
fs::path sparse_base(const fs::path& folder, const std::string& name) {
  const LoadedModel loaded = load_model(data / name, {.train_embeddings = false}, transformer::dense_layers<float>());
  std::mt19937_64 random{3};
  loaded.model->for_each_layer([&](Layer& layer) {
    for (index_t i = 0; i < layer.weight.size(); ++i)
      if (random() % 2 == 0) layer.weight.data()[i] = 0;
  });
  const fs::path base = folder / ("sparse_" + name);
  save_model(*loaded.model, base);
  return base;
}
fs::path base_of(const fs::path& folder, const std::string& name, const MethodSettings& method) {
  return method.keep_mask ? sparse_base(folder, name) : data / name;
}

/// A task file whose tensors and metadata a test changes.
struct Rewritten {
  pst::TensorList tensors;
  std::map<std::string, std::string> metadata;

  explicit Rewritten(const fs::path& file) : tensors{pst::io::load_tensors(file)} {
    const auto opened = pst::io::Safetensors::open(file);
    metadata = {opened.metadata().begin(), opened.metadata().end()};
    metadata.erase(pst::io::checksum_field);  // or else every change is found by it
  }
  pst::Tensor take(const std::string& name) {
    const auto at = std::ranges::find(tensors, name, &pst::Tensor::name);
    REQUIRE(at != tensors.end());
    pst::Tensor taken = *at;
    tensors.erase(at);
    return taken;
  }
  void write(const fs::path& file) const { pst::io::save_tensors(file, tensors, metadata); }
};

}  // namespace

TEST_CASE("toolkit test 2: a task file holds every tensor that trained, and makes the model of the base bit for bit") {
  for (const std::string name : {"bert", "roberta", "gpt2"})
    for (const TrainedPart& part : parts()) {
      INFO(name << ": " << part.title);
      if (name == "gpt2" && part.method.name == "frozen") continue;  // its head is the table of words
      const TemporaryDirectory folder;
      const fs::path base = base_of(folder.path(), name, part.method), file = folder.path() / "delta.safetensors";
      const auto model = trained(base, name, part.method);
      export_task_file(*model, file, {.base = base}, random_probes(model->config(), 4));
      check_same_numbers(*model, *apply_task_file(file, base), ElementType::f32, "applied");
    }
}

TEST_CASE("kept weights that trained themselves are in a task file, though they are so in every layer") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta";
  for (const char* modules : {"", "ff.w1"}) {
    INFO(modules);
    const auto model = trained(data / "bert", "bert", {.name = "pst", .sparsity = 0.8, .modules = modules});
    model->train_kept(1.0);
    export_task_file(*model, file, {.base = data / "bert", .overwrite = true}, {});
    check_same_numbers(*model, *apply_task_file(file, data / "bert"), ElementType::f32, "applied");
  }
}

TEST_CASE("changes of single weights are in a task file with their places, and nothing else of their layers") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta";
  for (const std::string name : {"bert", "gpt2"})
    for (const char* modules : {"", "ff.w1"}) {
      INFO(name << ' ' << modules);
      const auto model = trained(data / name, name, {.name = "diff", .modules = modules});
      model->train_changes(0.01);
      index_t changes = 0, values = 0, places = 0, weights = 0;
      for (const ModelParameter& each : model->parameters())
        if (each.part == Part::layer) changes += each.parameter.value.size();
      model->for_each_layer([&](Layer& layer) {
        if (layer.name.find("fc") != std::string::npos || layer.name.find("intermediate") != std::string::npos ||
            *modules == '\0')
          weights += layer.layer.shape().size();
      });
      CHECK(changes == pst::share_of(weights, 0.01));
      export_task_file(*model, file, {.base = data / name, .overwrite = true}, {});
      check_same_numbers(*model, *apply_task_file(file, data / name), ElementType::f32, "applied");
      for (const pst::Tensor& tensor : pst::io::load_tensors(file)) {
        if (tensor.name.ends_with("/delta.values")) values += std::ssize(tensor.values<float>());
        if (tensor.name.ends_with("/delta.places")) places += std::ssize(tensor.values<std::uint32_t>());
        CHECK((tensor.name.find('/') == std::string::npos || tensor.name.ends_with("/delta.values") ||
               tensor.name.ends_with("/delta.places")));
      }
      CHECK(values == changes);
      CHECK(places == changes);
    }
}

TEST_CASE("changes of a wide weight are listed by their places, and come back in the order that the layer has") {
  const pst::Shape shape{.in = 600, .out = 20};
  const Matrix weight = Matrix::Random(shape.out, shape.in);
  auto gated = pst::make_linear(pst::read_spec("diff name=a"), shape);
  gated.attach(transformer::view(weight));
  for (const pst::Parameter<float>& each : gated.parameters())
    if (each.name == "a.delta.w") transformer::map(each.value) = Matrix::Random(shape.out, shape.in);
  gated.refresh(1.0);
  const std::vector<pst::AnyLinear<float>*> layers{&gated};
  const auto places = pst::largest_changes<float>(layers, 0.1);
  auto changed = pst::train_changes<float>(gated, places.at(0), transformer::view(weight), {});
  const pst::TensorList state = changed.save(), listed = listed_changes(state, shape);
  const auto at = pst::find(listed, "delta.places").values<std::uint32_t>();
  CHECK(std::ranges::is_sorted(at));
  CHECK(std::ssize(at) == pst::share_of(shape.size(), 0.1));
  const pst::TensorList again = state_of_changes(listed, "layer a", shape);
  for (const char* name : {"delta.kept", "places", "shape"})
    CHECK(pst::find(again, name).bytes == pst::find(state, name).bytes);
  Matrix made = weight, expected(shape.out, shape.in);
  add_listed_changes(listed, "layer a", made);
  changed.export_masked(transformer::view(expected));
  CHECK(made == expected);
}

TEST_CASE("places that are out of order or beyond the weight, and changes behind gates, are refused") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta", changed = folder.path() / "changed";
  const auto model = trained(data / "bert", "bert", {.name = "diff", .modules = "query@0"});
  const auto refusal = [&] { return error_of([&] { export_task_file(*model, file, {.base = data / "bert"}, {}); }); };
  CHECK(contains(refusal(), "layer encoder.layer.0.attention.self.query: every weight changes behind a gate"));
  CHECK(contains(error_of([&] { export_lora(*model, folder.path() / "lora", {.base = data / "bert"}, {}); }),
                 "single weights"));
  model->train_changes(0.1);
  CHECK(contains(error_of([&] { export_lora(*model, folder.path() / "lora", {.base = data / "bert"}, {}); }),
                 "single weights"));
  REQUIRE(refusal() == "");
  const std::string layer = "encoder.layer.0.attention.self.query/";
  const auto with_places = [&](std::uint32_t first, std::size_t left_out = 0) {
    Rewritten task{file};
    std::vector<std::uint32_t> places = task.take(layer + "delta.places").values<std::uint32_t>();
    places[0] = first;
    places.resize(places.size() - left_out);
    task.tensors.push_back(pst::Tensor::from<std::uint32_t>(layer + "delta.places", {1, std::ssize(places)}, places));
    task.write(changed);
    return error_of([&] { static_cast<void>(apply_task_file(changed, data / "bert")); });
  };
  CHECK(contains(with_places(2000000000U), "the place 2000000000 is not in order, or beyond a weight of 32 x 32"));
  CHECK(contains(with_places(0, 1), "numbers to add and"));
  Rewritten without{file};
  static_cast<void>(without.take(layer + "delta.places"));
  without.write(changed);
  CHECK(contains(error_of([&] { static_cast<void>(apply_task_file(changed, data / "bert")); }), "delta.places"));
}

TEST_CASE("a task file is as large as what trained") {
  const TemporaryDirectory folder;
  const auto size_of = [&](const MethodSettings& method) {
    const fs::path file = folder.path() / "delta";
    export_task_file(*trained(data / "bert", "bert", method), file, {.base = data / "bert", .overwrite = true}, {});
    index_t numbers = 0;
    for (const pst::Tensor& tensor : pst::io::load_tensors(file)) {
      if (tensor.name.ends_with("/mask")) CHECK(tensor.bytes.size() == static_cast<std::size_t>(32 * 8));
      if (tensor.name.ends_with("/mask") || tensor.name.ends_with("/shape") || tensor.name.ends_with("/sparsity"))
        continue;
      if (tensor.name.find("classifier") == std::string::npos && tensor.name.find("pooler") == std::string::npos)
        numbers += static_cast<index_t>(tensor.values<float>().size());
    }
    return numbers;
  };
  const ModelConfig config = read_config(data / "bert");
  const index_t width = config.width, hidden = config.hidden, blocks = config.blocks;
  CHECK(size_of({.name = "lora", .delta_rank = 3, .modules = "query,value", .beside = "none"}) ==
        blocks * 2 * 3 * (width + width));
  CHECK(size_of({.name = "dora", .delta_rank = 3, .modules = "query,value", .beside = "none"}) ==
        blocks * 2 * (3 * (width + width) + width));
  CHECK(size_of({.name = "intrinsic", .dimension = 50}) == 50);
  CHECK(size_of({.name = "intrinsic", .modules = "query,value", .dimension = 50, .said = true}) == 50 + blocks * 2);
  CHECK(size_of({.name = "full", .modules = "query@0", .beside = "none"}) == width * width);
  CHECK(size_of({.name = "masking", .modules = "query@0"}) == 0);  // a bit for each weight, and its size
  // The key's bias adds one number to all scores of a query, which softmax takes away again: it may not move at all.
  const index_t biases = size_of({.name = "bitfit"});
  CHECK(biases <= blocks * (7 * width + hidden) + width);
  CHECK(biases >= blocks * (6 * width + hidden));
}

TEST_CASE("a low-rank update of a sparse model has the zeros of its base when it is merged") {
  const TemporaryDirectory folder;
  for (const std::string name : {"bert", "gpt2"}) {
    const fs::path base = sparse_base(folder.path(), name), file = folder.path() / (name + ".delta");
    const auto before = load_model(base, {.train_embeddings = false}, transformer::dense_layers<float>());
    for (const MethodSettings& method : {MethodSettings{.name = "lora", .delta_rank = 3, .keep_mask = true},
                                         {.name = "dora", .delta_rank = 3, .keep_mask = true},
                                         {.name = "pst", .delta_rank = 3, .keep_mask = true},
                                         {.name = "magnitude", .modules = "@last-1", .keep_mask = true}}) {
      INFO(name << ", " << method.name);
      const auto model = trained(base, name, method);
      const ExportReport report = export_task_file(*model, file, {.base = base, .overwrite = true}, {});
      const auto merged = apply_task_file(file, base);
      std::size_t at = 0;
      index_t changed = 0;
      const auto zeros = count_zeros(*before.model);
      for (const LayerZeros& layer : count_zeros(*merged)) {
        CHECK(layer.zeros == zeros.at(at).zeros);
        CHECK(report.layers.at(at++).zeros == layer.zeros);
      }
      changed = rounding_loss(*merged, *before.model, ElementType::f32).changed;
      CHECK(changed > 0);
    }
  }
}

TEST_CASE("toolkit test 1: what rounding to 16 bits loses of an update is counted") {
  const MethodSettings method{.name = "lora", .delta_rank = 3, .beside = "none"};
  const auto model = trained(data / "bert", "bert", method);
  const TemporaryDirectory folder;
  export_task_file(*model, folder.path() / "delta", {.base = data / "bert"}, {});
  const auto merged = apply_task_file(folder.path() / "delta", data / "bert");
  const auto base = load_model(data / "bert", {.train_embeddings = false}, transformer::dense_layers<float>());
  const RoundingLoss exact = rounding_loss(*merged, *base.model, ElementType::f32);
  CHECK(exact.changed > 0);
  CHECK(exact.lost == 0);
  base.model->for_each_layer([&](Layer& layer) { layer.weight.array() += 0.0F; });
  merged->for_each_layer([](Layer& layer) { layer.weight(0, 0) = 1.0F + 1e-4F; });
  base.model->for_each_layer([](Layer& layer) { layer.weight(0, 0) = 1.0F; });
  const RoundingLoss rounded = rounding_loss(*merged, *base.model, ElementType::bf16);
  index_t layers = 0;
  merged->for_each_layer([&](Layer&) { ++layers; });
  CHECK(rounded.lost >= layers);
  CHECK(rounded.lost < rounded.changed);
}

TEST_CASE("toolkit test 5: missing, unknown and mis-shaped tensors of a task file are refused with the whole list") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta", changed = folder.path() / "changed";
  const MethodSettings method{.name = "lora", .delta_rank = 3, .modules = "query@0,value@1"};
  export_task_file(*trained(data / "bert", "bert", method), file, {.base = data / "bert"}, {});
  const auto refusal = [&](auto&& change) {
    Rewritten copy{file};
    change(copy);
    copy.write(changed);
    return error_of([&] { static_cast<void>(apply_task_file(changed, data / "bert")); });
  };
  const std::string query = "encoder.layer.0.attention.self.query", value = "encoder.layer.1.attention.self.value";
  const std::string start = changed.string() + ": is not the task file of this base, ";
  CHECK(refusal([](Rewritten&) {}).empty());
  CHECK(refusal([&](Rewritten& copy) {
          copy.take(query + "/delta.U"), copy.take(query + "/delta.V");
          copy.take("classifier.weight");
        }) == start + "missing: classifier.weight, layer " + query);
  CHECK(refusal([&](Rewritten& copy) {
          pst::Tensor more = copy.take(value + "/delta.U");
          copy.tensors.push_back(more);
          more.name = "encoder.layer.1.attention.self.key/delta.U";
          copy.tensors.push_back(more);
          more.name = "encoder.layer.9.attention.self.key/delta.U";
          copy.tensors.push_back(more);
          more.name = "bert.pooler.extra";
          copy.tensors.push_back(more);
        }) == start +
                  "unknown: bert.pooler.extra, layer encoder.layer.1.attention.self.key, layer "
                  "encoder.layer.9.attention.self.key");
  CHECK(refusal([&](Rewritten& copy) {
          pst::Tensor more = copy.take(value + "/delta.U");
          copy.tensors.push_back(more);
          more.name = value + "/delta.u";
          copy.tensors.push_back(more);
        }) == start + "unknown: " + value + "/delta.u");
  const std::string huge = refusal([](Rewritten& copy) {
    copy.metadata["branches"] =
        R"([{"place":"keys","kind":"bottleneck","width":65536,"scale":1.0,"activation":"relu"}])";
  });
  CHECK(huge.starts_with(start + "missing: bert.encoder.layer.0.adapter.keys.down, "));
  CHECK(refusal([&](Rewritten& copy) {
          pst::Tensor left = copy.take(value + "/delta.U");
          std::swap(left.shape[0], left.shape[1]);
          copy.tensors.push_back(left);
        }).starts_with(start + "of another shape or type: " + value + "/delta.U (expected "));
  CHECK(refusal([&](Rewritten& copy) { copy.take(value + "/delta.V"); }) ==
        changed.string() + ": layer " + value + ": delta.U and delta.V do not fit, expected 32 x rank and rank x 32");
}

TEST_CASE("a vector that does not fit what the task file says of it is refused by name") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "delta", changed = folder.path() / "changed";
  const MethodSettings method{.name = "intrinsic", .modules = "query", .dimension = 50, .said = true};
  export_task_file(*trained(data / "bert", "bert", method), file, {.base = data / "bert"}, {});
  const auto refusal = [&](auto&& change) {
    Rewritten copy{file};
    change(copy);
    copy.write(changed);
    const std::string error = error_of([&] { static_cast<void>(apply_task_file(changed, data / "bert")); });
    return error.empty() ? error : error.substr(error.find(": ") + 2);
  };
  const auto described = [&](const char* field, const nlohmann::json& value) {
    return refusal([&](Rewritten& copy) {
      nlohmann::json json = nlohmann::json::parse(copy.metadata.at("intrinsic"));
      json[field] = value;
      copy.metadata["intrinsic"] = json.dump();
    });
  };
  const std::string start = "is not the task file of this base, ";
  CHECK(refusal([](Rewritten&) {}).empty());
  CHECK(refusal([](Rewritten& copy) { copy.take("bert.intrinsic.z"); }) == start + "missing: bert.intrinsic.z");
  CHECK(described("size", 1 << 20) == start + "of another shape or type: bert.intrinsic.z (expected 1 x 1048576)");
  CHECK(described("size", 0) == "the description of the vector: size is 0, expected a whole number of 1 to 1048576");
  CHECK(described("seed", "x").find("seed is \"x\", expected a whole number of at least 0") != std::string::npos);
  CHECK(described("layers", {"encoder.layer.9.attention.self.query"}) ==
        start + "missing: in the base, layer encoder.layer.9.attention.self.query");
  CHECK(described("layers", nlohmann::json::array()).starts_with("layer encoder.layer.0.attention.self.query has "));
  CHECK(described("scaled", false).find(" is a projection, but has the tensor delta.lambda") != std::string::npos);
  CHECK(refusal([](Rewritten& copy) {
          pst::Tensor vector = copy.take("bert.intrinsic.z");
          reinterpret_cast<float*>(vector.bytes.data())[1] = std::numeric_limits<float>::infinity();
          copy.tensors.push_back(vector);
        }).find("bert.intrinsic.z holds inf") != std::string::npos);
}

TEST_CASE(
    "an adapter for PEFT names the modules that have an update, one by one where others of their kind have none") {
  const TemporaryDirectory folder;
  for (const char* modules : {"query,value", "query@0,output.dense@1"}) {
    INFO(modules);
    const MethodSettings method{.name = "lora", .delta_rank = 3, .modules = modules, .beside = "none"};
    const auto model = trained(data / "bert", "bert", method);
    const fs::path to = folder.path() / "adapter";
    const ExportReport report =
        export_lora(*model, to, {.base = data / "bert", .overwrite = true}, random_probes(model->config(), 4));
    CHECK(report.difference.logits < 1e-5);
    const auto file = pst::io::Safetensors::open(to / "adapter_model.safetensors");
    const bool all = std::string_view{modules} == "query,value";
    CHECK((file.find("base_model.model.bert.encoder.layer.1.attention.self.query.lora_A.weight") != nullptr) == all);
    const std::string config = pst::io::test::read_text(to / "adapter_config.json");
    CHECK((config.find("\"query\"") != std::string::npos) == all);
    CHECK((config.find("\"bert.encoder.layer.0.attention.self.query\"") != std::string::npos) == !all);
  }
}

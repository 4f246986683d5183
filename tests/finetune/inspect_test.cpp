// SPDX-License-Identifier: Apache-2.0
#include <pst/pst.hpp>

#include <sstream>

#include "common/draw_masks.hpp"
#include "finetune/inspect/modules.hpp"
#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

const Module& part(const Module& module, const std::string& path) {
  const Module* at = &module;
  std::istringstream names{path};
  for (std::string name; std::getline(names, name, '.');) {
    const auto found = std::ranges::find(at->parts, name, &Module::name);
    REQUIRE(found != at->parts.end());
    at = &*found;
  }
  return *at;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("modules of a dense model have the shapes of the folder, and zeros are counted") {
  for (const bool together : {false, true}) {
    const auto model = load_model(data / "gpt2", {.together = together}, transformer::dense_layers<float>()).model;
    model->for_each_layer([](Layer& layer) {
      if (layer.name == "h.1.mlp.c_fc") layer.weight.topRows(12).setZero();
    });
    const Module root = modules_of(*model, {});
    CHECK(root.numbers == 40 * 32 + 16 * 32 + 2 * (32 * 96 + 96 + 32 * 32 + 32 + 2 * 32 * 48 + 48 + 32 + 128) + 64);
    CHECK(root.trains == 0);
    CHECK(root.bytes == 4 * static_cast<std::size_t>(root.numbers));
    CHECK(part(root, "transformer.wte").shapes == "40 x 32");
    const Module& attention = part(root, "transformer.h.0.attn.c_attn");
    CHECK(attention.shapes == "32 x 96 + 96");
    CHECK(attention.pruned == 0);
    CHECK(attention.compressed == attention.bytes);
    const Module& pruned = part(root, "transformer.h.1.mlp.c_fc");
    CHECK(pruned.prunable == 32 * 48);
    CHECK(pruned.pruned == 32 * 12);
    CHECK(pruned.compressed == 4 * (32 * 36 + 48) + 32 * 48 / 8);
    CHECK(root.pruned == 32 * 12);
    CHECK(root.bytes - root.compressed == pruned.bytes - pruned.compressed);
  }
}

TEST_CASE("modules of a sparse model have its sparsity, and what trains is counted where it belongs") {
  const auto model = load_model(data / "gpt2", {}, transformer::layers_of<float>({.sparsity = 0.75})).model;
  model->begin_step(1, 1);
  index_t expected = 0, of_attention = 0;
  const auto trains = [](const ModelParameter& parameter) { return parameter.part == Part::layer; };
  for (const ModelParameter& each : model->parameters()) {
    if (!trains(each)) continue;
    expected += each.parameter.value.size();
    if (each.name.starts_with("transformer.h.0.attn.c_attn_")) of_attention += each.parameter.value.size();
  }
  REQUIRE(of_attention > 0);
  const Module root = modules_of(*model, trains);
  CHECK(root.trains == expected);
  CHECK(part(root, "transformer.h.0.attn.c_attn").trains == of_attention);
  CHECK(part(root, "transformer.wpe").trains == 0);
  CHECK(4 * root.pruned == 3 * root.prunable);

  std::ostringstream all, top;
  print_modules(all, root, 0);
  print_modules(top, root, 2);
  CHECK(count(all.str(), "\n") == 2 + 1 + 4 + 2 * (1 + 8));
  CHECK(count(top.str(), "\n") == 2 + 1 + 4);
  CHECK(count(all.str(), "c_attn") == 2);
  CHECK(count(top.str(), "75.00") == 3);
  std::ostringstream coloured;
  print_modules(coloured, root, 0, true);
  const std::string green = "\x1b[32m";
  CHECK(count(coloured.str(), green) == 3 + 2 * 7);  // the model, its list of blocks, and all but the norms in them
  CHECK(count(coloured.str(), "wpe") == 1);
  CHECK(count(all.str(), green) == 0);
  const auto permyriad = (20000 * expected / root.numbers + 1) / 2;  // rounded
  CHECK(count(all.str(),
              " " + std::to_string(permyriad / 100) + "." + std::to_string(permyriad % 100 + 100).substr(1)) >= 1);
}

TEST_CASE("modules have the shapes of the folder where kept weights train") {
  const auto model = load_model(data / "gpt2", {}, transformer::layers_of<float>({.sparsity = 0.75})).model;
  model->begin_step(1, 1);
  const Module before = modules_of(*model, {});
  model->train_kept(1.0);
  const Module root = modules_of(*model, [](const ModelParameter& each) { return each.part == Part::layer; });
  CHECK(part(root, "transformer.h.0.attn.c_attn").shapes == "32 x 96 + 96");
  CHECK(root.numbers == before.numbers);
  CHECK(root.prunable == before.prunable);
  CHECK(root.pruned == before.pruned);
  CHECK(root.compressed == before.compressed);
  CHECK(root.trains == root.prunable - root.pruned);
}

TEST_CASE("modules have all their weights where changes of some of them train") {
  const auto model = load_model(data / "gpt2", {}, transformer::layers_of<float>({.method = "diff"})).model;
  const auto trains = [](const ModelParameter& each) { return each.part == Part::layer; };
  model->begin_step(1, 1);
  const Module before = modules_of(*model, trains);
  CHECK(before.trains == 2 * before.prunable);
  model->train_changes(0.25);
  const Module root = modules_of(*model, trains);
  CHECK(part(root, "transformer.h.0.attn.c_attn").shapes == "32 x 96 + 96");
  CHECK(root.numbers == before.numbers);
  CHECK(root.pruned == before.pruned);
  CHECK(root.trains == root.prunable / 4);
}

TEST_CASE("a mask is drawn with its counts, and a large layer in squares") {
  const std::vector<float> small{1, 0, 2, 0, 0, 3}, weights(600 * 4, 1.0F);
  const std::string picture = common::draw_masks("a < b", {{"pst", pst::Tensor::from<float>("w", {2, 3}, small)}});
  CHECK(count(picture, "a &lt; b") == 1);
  CHECK(count(picture, "50 % zero") == 1);
  CHECK(count(picture, "A dark cell is a weight that is kept.") == 1);
  CHECK(count(picture, "<path") == 1);
  CHECK(count(picture, "h2.6v2.6") == 3);
  std::vector<float> large = weights;
  large[0] = large[1] = large[4] = 0;  // three of the first square of two by two
  const std::string squares = common::draw_masks("large", {{"pst", pst::Tensor::from<float>("w", {600, 4}, large)}});
  CHECK(count(squares, "A cell is up to 2 x 2 weights, darker the more of them are kept.") == 1);
  CHECK(count(squares, "<path") == 2);
  CHECK(count(squares, "h5.2v2.6") == 299);
}

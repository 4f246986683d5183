// SPDX-License-Identifier: Apache-2.0
#include <pst/core/float16.hpp>
#include <pst/core/random.hpp>
#include <pst/io/safetensors_writer.hpp>

#include <fstream>

#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

constexpr index_t width = 768, blocks = 12, vocabulary = 50257, positions = 1024;

/// Names and shapes as in the folder that OpenAI's smallest GPT-2 is published in, which has no prefix and no head.
std::vector<pst::io::TensorEntry> tensors_of_gpt2() {
  std::vector<pst::io::TensorEntry> entries;
  const auto add = [&](std::string name, std::vector<index_t> shape) {
    entries.push_back({std::move(name), pst::io::ElementType::bf16, std::move(shape), {}});
  };
  add("wte.weight", {vocabulary, width});
  add("wpe.weight", {positions, width});
  for (index_t b = 0; b < blocks; ++b) {
    const std::string block = "h." + std::to_string(b) + ".";
    for (const char* norm : {"ln_1", "ln_2"})
      add(block + norm + ".weight", {width}), add(block + norm + ".bias", {width});
    const auto linear = [&](const std::string& name, index_t in, index_t out) {
      add(block + name + ".weight", {in, out}), add(block + name + ".bias", {out});
    };
    linear("attn.c_attn", width, 3 * width), linear("attn.c_proj", width, width);
    linear("mlp.c_fc", width, 4 * width), linear("mlp.c_proj", 4 * width, width);
  }
  add("ln_f.weight", {width}), add("ln_f.bias", {width});
  return entries;
}

/// Numbers of a spread of 0.02, as bfloat16.
std::vector<std::uint16_t> random_numbers(std::size_t count) {
  std::vector<std::uint16_t> numbers(count);
  std::uint64_t state = 1;
  for (std::uint16_t& number : numbers) {
    state = pst::mix_bits(state + 1);
    const float drawn = static_cast<float>(state >> 40) / static_cast<float>(1 << 24);  // in [0, 1)
    number = pst::BFloat16{0.07F * (drawn - 0.5F)}.bits;
  }
  return numbers;
}

}  // namespace

TEST_CASE("a folder as large as GPT-2's smallest is read, and speaks") {
  const TemporaryDirectory folder;
  const auto numbers = random_numbers(static_cast<std::size_t>(vocabulary * width));  // every tensor begins with them
  auto entries = tensors_of_gpt2();
  for (auto& entry : entries) {
    std::size_t size = 1;
    for (const index_t side : entry.shape) size *= static_cast<std::size_t>(side);
    entry.bytes = std::as_bytes(std::span{numbers}.first(size));
  }
  pst::io::write_safetensors(folder.path() / "model.safetensors", entries);
  std::ofstream{folder.path() / "config.json"}
      << R"({"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new",
             "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257,
             "layer_norm_epsilon": 1e-05, "embd_pdrop": 0.1, "attn_pdrop": 0.1, "resid_pdrop": 0.1,
             "bos_token_id": 50256, "eos_token_id": 50256})";
  const LoadedModel loaded = load_model(folder.path(), {.train_embeddings = false}, transformer::dense_layers<float>());
  CHECK(loaded.made_new.empty());
  CHECK(loaded.unused.empty());
  Model& model = *loaded.model;
  index_t linear = 0;
  model.for_each_layer([&](Layer& layer) { linear += layer.weight.size(); });
  CHECK(linear == blocks * 12 * width * width);
  model.begin_step(0, 1);
  const std::vector<int> ids{15496, 11, 995};  // "Hello, world"
  const std::vector<index_t> lengths{3};
  Matrix logits;
  model.forward({3, ids, lengths, {}}, logits);
  CHECK(logits.rows() == 3);
  CHECK(logits.cols() == vocabulary);
  CHECK(logits.allFinite());
  CHECK(logits.row(0) != logits.row(2));
}

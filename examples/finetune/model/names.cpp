// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/names.hpp"

#include <pst/core/error.hpp>
#include <pst/io/checkpoint.hpp>

#include <charconv>
#include <system_error>

namespace finetune {

namespace {

constexpr transformer::EncoderNames bert_names{.block = "encoder.layer.",
                                               .query = "attention.self.query",
                                               .key = "attention.self.key",
                                               .value = "attention.self.value",
                                               .attention_output = "attention.output.dense",
                                               .feed_in = "intermediate.dense",
                                               .feed_out = "output.dense",
                                               .norm1 = "attention.output.LayerNorm",
                                               .norm2 = "output.LayerNorm"};
// Query, key and value ranked apart are called as in the paper's code.
constexpr transformer::EncoderNames gpt2_names{.block = "h.",
                                               .query = "attn.c_attn_q",
                                               .key = "attn.c_attn_k",
                                               .value = "attn.c_attn_v",
                                               .together = "attn.c_attn",
                                               .attention_output = "attn.c_proj",
                                               .feed_in = "mlp.c_fc",
                                               .feed_out = "mlp.c_proj",
                                               .norm1 = "ln_1",
                                               .norm2 = "ln_2",
                                               .last_norm = "ln_f"};

/// Collects the tensors of a model.
class Expected {
 public:
  explicit Expected(std::string prefix) : prefix_{std::move(prefix)} {}

  void table(const char* name, index_t rows, index_t cols) { list_.push_back({prefix_ + name, {rows, cols}}); }
  void norm(const std::string& name, index_t width) {
    list_.push_back({prefix_ + name + ".weight", {width}});
    list_.push_back({prefix_ + name + ".bias", {width}});
  }
  void linear(const std::string& name, index_t in, index_t out, bool transposed) {
    list_.push_back({prefix_ + name + ".weight", transposed ? std::vector{in, out} : std::vector{out, in}});
    list_.push_back({prefix_ + name + ".bias", {out}});
  }
  void dense(Owner owner, const std::string& name, index_t in, index_t out) {
    list_.push_back({name + ".weight", {out, in}, owner});
    list_.push_back({name + ".bias", {out}, owner});
  }
  [[nodiscard]] std::vector<ExpectedTensor> take() { return std::move(list_); }

 private:
  std::string prefix_;
  std::vector<ExpectedTensor> list_;
};

void add_blocks(const ModelConfig& config, Expected& expected) {
  const transformer::EncoderNames& names = encoder_names(config.architecture);
  const bool is_gpt2 = config.architecture == Architecture::gpt2;
  const index_t width = config.width;
  for (index_t b = 0; b < config.blocks; ++b) {
    if (is_gpt2)
      expected.linear(names.in_block(b, names.together), width, 3 * width, true);
    else
      for (const std::string_view name : {names.query, names.key, names.value})
        expected.linear(names.in_block(b, name), width, width, false);
    expected.linear(names.in_block(b, names.attention_output), width, width, is_gpt2);
    expected.linear(names.in_block(b, names.feed_in), width, config.hidden, is_gpt2);
    expected.linear(names.in_block(b, names.feed_out), config.hidden, width, is_gpt2);
    expected.norm(names.in_block(b, names.norm1), width);
    expected.norm(names.in_block(b, names.norm2), width);
  }
}

}  // namespace

const transformer::EncoderNames& encoder_names(Architecture architecture) {
  return architecture == Architecture::gpt2 ? gpt2_names : bert_names;
}

std::string_view prefix_of(Architecture architecture) {
  switch (architecture) {
    case Architecture::bert: return "bert.";
    case Architecture::roberta: return "roberta.";
    default: return "transformer.";
  }
}

std::string_view output_module(Architecture architecture) {
  return architecture == Architecture::bert ? "classifier." : "classifier.out_proj.";
}

transformer::EncoderConfig encoder_config(const ModelConfig& config, bool together) {
  const bool is_gpt2 = config.architecture == Architecture::gpt2;
  return {.blocks = config.blocks,
          .width = config.width,
          .heads = config.heads,
          .hidden = config.hidden,
          .norm = is_gpt2 ? transformer::NormPlace::before : transformer::NormPlace::after,
          .gelu = config.gelu,
          .causal = is_gpt2,
          .together = is_gpt2 && together,
          .norm_epsilon = config.norm_epsilon,
          .attention_dropout = config.attention_dropout,
          .dropout = config.hidden_dropout};
}

std::vector<index_t> TensorPlace::shape_in_file(index_t rows, index_t cols) const {
  if (is_vector) return {parts * cols};
  if (transposed) return {cols, parts * rows};
  return {parts * rows, cols};
}

TensorPlace encoder_place(Architecture architecture, const std::string& name) {
  const std::size_t dot = name.rfind('.');
  std::string module = name.substr(0, dot), last = name.substr(dot + 1);
  TensorPlace place;
  place.is_vector = last != "weight";
  if (last == "gain") last = "weight";
  if (architecture == Architecture::gpt2) {
    place.transposed = !place.is_vector;
    const std::string_view parts[] = {gpt2_names.query, gpt2_names.key, gpt2_names.value};
    for (index_t part = 0; part < 3; ++part) {
      const std::string_view own = parts[part];
      if (!module.ends_with(own)) continue;
      module.replace(module.size() - own.size(), own.size(), gpt2_names.together);
      place.part = part;
      place.parts = 3;
      break;
    }
  }
  place.name = std::string{prefix_of(architecture)} + module + "." + last;
  return place;
}

std::optional<index_t> block_of(Architecture architecture, std::string_view tensor) {
  const std::string_view prefix = prefix_of(architecture), block = encoder_names(architecture).block;
  if (tensor.starts_with(prefix)) tensor.remove_prefix(prefix.size());
  if (!tensor.starts_with(block)) return std::nullopt;
  const char *const first = tensor.data() + block.size(), *const last = tensor.data() + tensor.size();
  index_t number = 0;
  const auto [end, error] = std::from_chars(first, last, number);
  if (error != std::errc{} || end == last || *end != '.') return std::nullopt;
  return number;
}

void refuse_more_blocks(const ModelConfig& config, std::string_view tensor, const std::string& source) {
  const std::optional<index_t> block = block_of(config.architecture, tensor);
  pst::require(!block || *block < config.blocks, pst::io::tensor_in(source, tensor), " is of block ", block.value_or(0),
               " (from 0), expected ", config.blocks, " blocks by config.json; is it that of these weights?");
}

std::vector<ExpectedTensor> expected_tensors(const ModelConfig& config) {
  Expected expected{std::string{prefix_of(config.architecture)}};
  if (config.architecture == Architecture::gpt2) {
    expected.table("wte.weight", config.vocabulary, config.width);
    expected.table("wpe.weight", config.positions, config.width);
    add_blocks(config, expected);
    expected.norm("ln_f", config.width);
    return expected.take();
  }
  expected.table("embeddings.word_embeddings.weight", config.vocabulary, config.width);
  expected.table("embeddings.position_embeddings.weight", config.positions, config.width);
  expected.table("embeddings.token_type_embeddings.weight", config.types, config.width);
  expected.norm("embeddings.LayerNorm", config.width);
  add_blocks(config, expected);
  if (config.architecture == Architecture::bert) {
    expected.dense(Owner::pooler, "bert.pooler.dense", config.width, config.width);
    expected.dense(Owner::head, "classifier", config.width, config.outputs());
  } else {
    expected.dense(Owner::head, "classifier.dense", config.width, config.width);
    expected.dense(Owner::head, "classifier.out_proj", config.width, config.outputs());
  }
  return expected.take();
}

}  // namespace finetune

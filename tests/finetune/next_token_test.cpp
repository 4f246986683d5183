// SPDX-License-Identifier: Apache-2.0
#include <pst/pst.hpp>

#include <functional>

#include "finetune/model/folder.hpp"
#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

const MakeLayer half_sparse = transformer::layers_of<float>({.sparsity = 0.5, .bias = "trained"});

struct Variant {
  const char* name;
  bool together;
  MakeLayer make;
};

const Variant variants[] = {
    {"dense, query, key and value apart", false, transformer::dense_layers<float>()},
    {"dense, query, key and value together", true, transformer::dense_layers<float>()},
    {"half sparse, apart", false, half_sparse},
    {"half sparse, together", true, half_sparse},
};

std::unique_ptr<Model> load(const Variant& variant) {
  auto model = load_model(data / "gpt2", {.together = variant.together}, variant.make).model;
  model->begin_step(1, 1);
  return model;
}

/// The last logits of a forward over each sequence.
Matrix last_logits(Model& model, const std::vector<std::vector<int>>& sequences) {
  Matrix last(static_cast<index_t>(sequences.size()), model.config().vocabulary), all;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    model.forward({.tokens = static_cast<index_t>(sequences[s].size()), .ids = sequences[s]}, all);
    last.row(static_cast<index_t>(s)) = all.row(all.rows() - 1);
  }
  return last;
}

/// How far the logits of `cache`, whose sequences these are after `tokens` come, are from those of a forward.
double error_after(Model& model, Cache& cache, std::vector<std::vector<int>>& sequences,
                   const std::vector<int>& tokens) {
  for (std::size_t s = 0; s < sequences.size(); ++s) sequences[s].push_back(tokens[s]);
  Matrix next;
  model.next_logits({.tokens = 1, .ids = tokens}, cache, next);
  return relative_error(numbers(next), numbers(last_logits(model, sequences)));
}

}  // namespace

TEST_CASE("logits one token at a time are those of a forward, for prompts of different lengths") {
  const Golden golden{"gpt2"};
  for (const Variant& variant : variants) {
    CAPTURE(variant.name);
    const auto model = load(variant);
    std::vector<std::vector<int>> sequences;
    for (std::size_t s = 0; s < golden.lengths.size(); ++s) {
      const auto first = golden.ids.begin() + static_cast<index_t>(s) * golden.batch().tokens;
      sequences.emplace_back(first, first + golden.lengths[s]);
    }
    Cache cache = model->make_cache(static_cast<index_t>(sequences.size()));
    Matrix next;
    model->next_logits(golden.batch(), cache, next);
    CHECK(relative_error(numbers(next), numbers(last_logits(*model, sequences))) < 1e-5);
    for (int step = 0; step < 5; ++step)
      CHECK(error_after(*model, cache, sequences, {(7 * step) % 40, (11 * step + 1) % 40, (3 * step + 2) % 40}) < 1e-5);
  }
}

TEST_CASE("sequences of a cache are put in order, doubled and dropped") {
  for (const Variant& variant : variants) {
    const auto model = load(variant);
    std::vector<std::vector<int>> sequences{{1, 2, 3, 4, 5}, {6}, {7, 8, 9}};
    Cache cache = model->make_cache(3);
    const std::vector<int> ids{1, 2, 3, 4, 5, 6, 0, 0, 0, 0, 7, 8, 9, 0, 0};
    const std::vector<index_t> lengths{5, 1, 3};
    Matrix next;
    model->next_logits({.tokens = 5, .ids = ids, .lengths = lengths}, cache, next);
    for (const std::vector<index_t>& from : std::vector<std::vector<index_t>>{
             {2, 0, 0, 1, 2}, {4, 3, 2, 1, 0}, {0, 1, 2, 3, 4}, {3, 3, 1}, {2}, {0, 0, 0, 0, 0, 0, 0}}) {
      std::vector<std::vector<int>> kept;
      std::vector<int> tokens;
      for (const index_t source : from) {
        kept.push_back(sequences[static_cast<std::size_t>(source)]);
        tokens.push_back(static_cast<int>(5 * tokens.size() + kept.back().size()) % 40);
      }
      sequences = kept;
      cache.reorder(from);
      CHECK(error_after(*model, cache, sequences, tokens) < 1e-5);
    }
  }
}

TEST_CASE("several tokens at once go behind a cache too") {
  const auto model = load(variants[0]);
  Cache cache = model->make_cache(2);
  Matrix next;
  const std::vector<int> first{1, 2, 3, 4}, second{5, 6, 7, 8, 9, 0};
  const std::vector<index_t> lengths{3, 2};
  model->next_logits({.tokens = 2, .ids = first}, cache, next);
  model->next_logits({.tokens = 3, .ids = second, .lengths = lengths}, cache, next);
  CHECK(relative_error(numbers(next), numbers(last_logits(*model, {{1, 2, 5, 6, 7}, {3, 4, 8, 9}}))) < 1e-5);
}

TEST_CASE("memory of a cache grows by doubling, not with each token") {
  Cache cache{2, 4, 100, 3};
  std::vector<const float*> places;
  for (int token = 0; token < 100; ++token) {
    cache.make_room(std::vector<index_t>{1, 0, 1});
    cache.advance(std::vector<index_t>{1, 0, 1});
    const float* const place = cache.keys(1, 2).data();
    if (places.empty() || place != places.back()) places.push_back(place);
  }
  CHECK(places.size() <= 8);  // 1, 2, 4, 8, 16, 32, 64, 100
  CHECK(cache.keys(0, 0).rows() == 100);
}

TEST_CASE("a cache is bounded by the longest sequence of the model, and by its sequences") {
  const auto model = load(variants[0]);
  Cache cache = model->make_cache(1);
  Matrix next;
  const std::vector<int> prompt(16, 3), token{1}, two{1, 2};
  model->next_logits({.tokens = 16, .ids = prompt}, cache, next);
  CHECK_THROWS_WITH_AS(model->next_logits({.tokens = 1, .ids = token}, cache, next),
                       "a sequence has 17 tokens, the model reads at most 16: truncate it", pst::Error);
  CHECK(cache.lengths()[0] == 16);
  CHECK_THROWS_WITH_AS(model->next_logits({.tokens = 1, .ids = two}, cache, next),
                       "a batch has 2 sequences, expected one for each of the 1 that it goes on with", pst::Error);
  CHECK_THROWS_WITH_AS(cache.reorder(std::vector<index_t>{1}), "sequence 1 is to be kept, a cache has 1", pst::Error);
  CHECK_THROWS_WITH_AS(cache.make_room(std::vector<index_t>{1}),
                       "a sequence grows to 17 tokens, the model reads at most 16", pst::Error);
}

TEST_CASE("only a causal model with a next token goes on behind a cache") {
  const LoadedModel bert = load_model(data / "bert", {}, transformer::dense_layers<float>());
  Cache cache = bert.model->make_cache(1);
  Matrix next;
  Model::Encoder::Tape tape;
  const std::vector<int> ids{1};
  CHECK_THROWS_WITH_AS(bert.model->next_logits({.tokens = 1, .ids = ids}, cache, next),
                       "only a language model has a next token", pst::Error);
  CHECK_THROWS_WITH_AS(bert.model->encoder().extend(next, std::vector<index_t>{1}, cache, tape, next),
                       "tokens are added behind others, but attention is not causal", pst::Error);
}

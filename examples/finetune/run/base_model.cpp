// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/base_model.hpp"

#include <pst/core/random.hpp>

#include <array>
#include <bit>
#include <cstdio>
#include <utility>

#include "finetune/data/sequences.hpp"
#include "finetune/methods/methods.hpp"

namespace finetune {

namespace {

/// The labels that the head is to have; none for a language model.
std::vector<std::string> labels_of(const Task& task) {
  std::vector<std::string> labels;
  for (const Label& label : task.labels) labels.emplace_back(label.name);
  if (task.kind == TaskKind::regression) labels.emplace_back("score");
  return labels;
}

}  // namespace

BaseModel load_base(const Settings& settings) {
  const Task& task = find_task(settings.task);
  use_threads(settings.threads);
  BaseModel base{.loaded = load_model(settings.model,
                                      {.train_embeddings = settings.train_embeddings,
                                       .together = settings.together,
                                       .new_head = settings.new_head,
                                       .labels = labels_of(task),
                                       .seed = settings.seed},
                                      make_method_body(settings.method, settings.seed)),
                 .tokenizer = load_tokenizer(settings.model),
                 .fingerprint = {}};
  check_fits(task, base.tokenizer, base.loaded.model->config());
  base.fingerprint = fingerprint_of(*base.loaded.model);
  return base;
}

std::string fingerprint_of(Model& model) {
  // Four sums that do not wait for one another: a model has hundreds of millions of numbers.
  std::array<std::uint64_t, 4> sums{1, 2, 3, 4};
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& value, LinearLayer*) {
    sums[0] = pst::derive_seed(sums[0], place.name);
    for (index_t i = 0; i < value.size(); ++i) {
      std::uint64_t& sum = sums[static_cast<std::size_t>(i) % sums.size()];
      sum = std::rotl(sum, 5) * 0x9e3779b97f4a7c15U + std::bit_cast<std::uint32_t>(value.data()[i]);
    }
  });
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all = pst::mix_bits(all ^ sum);
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(all));
  return text.data();
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/base_model.hpp"

#include <pst/core/error.hpp>

#include <utility>

#include "finetune/data/sequences.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/model/fingerprint.hpp"

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
                                      method_layers(settings.method, settings.seed)),
                 .tokenizer = load_tokenizer(settings.model),
                 .fingerprint = {}};
  check_fits(task, base.tokenizer, base.loaded.model->config());
  base.fingerprint = fingerprint_of(*base.loaded.model);
  return base;
}

void restore(BaseModel& base, const Snapshot& snapshot, const std::filesystem::path& file) {
  pst::require(snapshot.state.base == base.fingerprint, file.string(),
               ": is of a run that began from other weights than the model's folder holds now (fingerprint ",
               snapshot.state.base, ", not ", base.fingerprint, ")");
  try {
    base.loaded.model->restore(snapshot.model);
  } catch (const pst::Error& error) {
    pst::fail(file.string(), ": ", error.what());
  }
}

}  // namespace finetune

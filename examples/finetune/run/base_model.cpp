// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/base_model.hpp"

#include <pst/core/error.hpp>

#include <utility>

#include "finetune/data/sequences.hpp"
#include "finetune/methods/adapters.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/model/fingerprint.hpp"
#include "finetune/model/module_patterns.hpp"

namespace finetune {

BaseModel load_base(const Settings& settings) {
  const Task& task = find_task(settings.task);
  use_threads(settings.threads);
  const ModelConfig config = read_config(settings.model, HeadUse::discard);
  const ModulePatterns chosen{settings.method.modules, settings.method.exclude, config.blocks};
  std::vector<std::string> remarks = chosen.check(module_names(config, settings.together));
  BaseModel base{.loaded = load_model(settings.model,
                                      {.train_embeddings = settings.train_embeddings,
                                       .together = settings.together,
                                       .new_head = settings.new_head,
                                       .labels = label_names(task),
                                       .seed = settings.seed},
                                      method_layers(settings.method, settings.seed, config.blocks)),
                 .tokenizer = load_tokenizer(settings.model),
                 .fingerprint = {},
                 .remarks = std::move(remarks)};
  put_adapter(*base.loaded.model, settings.method, settings.seed);
  check_fits(task, base.tokenizer, base.loaded.model->config());
  base.fingerprint = fingerprint_of(*base.loaded.model);
  return base;
}

void restore(BaseModel& base, const Snapshot& snapshot, const std::filesystem::path& file) {
  pst::require(snapshot.state.base == base.fingerprint, file.string(),
               ": is of a run that began from other weights than the model's folder holds now (fingerprint ",
               snapshot.state.base, ", not ", base.fingerprint,
               "): give the folder that it began from, by --base, or to train by --model");
  try {
    base.loaded.model->restore(snapshot.model);
  } catch (const pst::Error& error) {
    pst::fail(file.string(), ": ", error.what());
  }
}

}  // namespace finetune

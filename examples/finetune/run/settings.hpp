// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "finetune/model/config.hpp"
#include "transformer/distillation.hpp"

namespace finetune {

/// How the linear layers inside the blocks are trained and made sparse.
struct MethodSettings {
  std::string name = "pst";  ///< of methods()
  double sparsity = 0.9;     ///< to be reached; soft movement comes near it
  std::string schedule = "cubic";
  double warmup = 0.1;                            ///< fraction of the run before weights are pruned
  double cooldown = 0.3;                          ///< fraction of the run after the last one is
  index_t delta_rank = 8;                         ///< of U V
  index_t score_rank = 8;                         ///< of A B
  std::string delta_start = "per-weight";         ///< of U V: per-weight, normal (as published), kaiming (as in LoRA)
  std::string score_factor_start = "per-weight";  ///< likewise of A B
  double beta = 1.0;                              ///< scale of U V
  double alpha1 = 1.0;                            ///< scale of A B
  double alpha2 = 1.0;                            ///< scale of R + C
  std::string weighted_by = "both";  ///< what abs(W) counts by in scores: nothing, inputs, or both, inputs and
                                     ///< gradients
  std::string scores = "every";      ///< how scores learn: every, every-K, sample-K (one token in K), rest-P
  std::string refresh = "every";     ///< when masks move: every, every-K, until-P
  std::string straight_through = "reference";  ///< or masked, dense
  double score_start = 0.0;                    ///< movement's scores begin at so many times abs(W)
  double threshold = 0.01;                     ///< masking keeps weights whose score is above it
  double masked = 0.05;                        ///< the fraction of weights that masking leaves out at first
  std::string modules = "";                    ///< which the method trains, as ModulePatterns reads them; empty: all
  std::string exclude = "";                    ///< of these, those that it does not
  std::string beside = "";                     ///< what trains in them besides: biases, norms, both, or none;
                                               ///< empty: what the method says
  std::string adapter = "";                    ///< of adapters(), or none; empty: what the method says
  index_t adapter_width = 0;                   ///< of a bottleneck; 0: that of its authors, as a share of the model's
  index_t adapter_rank = 0;                    ///< of the factors of its weights, where there are some; 0: 1
  index_t phm_dim = 0;                         ///< n of Kronecker products; 0: 4
  std::string phm_rule = "";                   ///< their rule: shared by all, or own; empty: shared
  index_t dimension = 0;                       ///< of the vector that all weights share; 0: 2000
  bool said = false;                           ///< each weight has a scale of its own besides
  index_t virtual_tokens = 0;                  ///< of a prefix or prompt; 0: 20
  std::string reparameterisation = "";  ///< what makes them: direct (they train themselves) or mlp; empty: direct
  std::string prompt_start = "";        ///< of a prompt: vocabulary or normal; empty: vocabulary where direct
  std::string positions = "";           ///< of the real tokens: after or unchanged; empty: after, as in PEFT
  std::string pooled = "";              ///< with a prompt: first-row or first-token; empty: first-row, as in PEFT
  bool keep_mask = false;               ///< weights that are zero in the folder stay so, and no others
  std::string rest = "kept";            ///< what trains once masks rest: kept (weights), or delta as before
  double penalty = 0.0;                 ///< of soft movement, until the sparsity is reached; 0: a default
  double gate_penalty = 1.25e-7;        ///< of each gate that is not shut, in diff pruning
  double gated_part = 0.5;              ///< the share of the run in which its gates learn; 1: they do to the end
  double kept_share = 0.005;            ///< then so large a share of all changes goes on, those that are the largest
};

/// Everything that a run depends on.
struct Settings {
  std::filesystem::path model;  ///< a Hugging Face folder
  std::string task;
  std::filesystem::path data;  ///< the folder of the task's files
  MethodSettings method;
  bool new_head = false;          ///< a task head in the folder is not read
  bool together = false;          ///< GPT-2's query, key and value are one layer
  bool train_embeddings = false;  ///< tables of words, positions and types train
  bool reference = false;         ///< nothing trains but factors, as in the authors' code

  double rate = 1e-3;       ///< learning rate
  double score_rate = 1.0;  ///< times `rate`, for scores
  double head_rate = 1.0;   ///< times `rate`, for pooler and head
  double token_rate = 1.0;  ///< times `rate`, for virtual tokens
  std::string rate_schedule = "linear";
  double rate_warmup = 0.0;       ///< fraction of the run in which the rate rises
  std::int64_t warmup_steps = 0;  ///< the same in steps; not together with the fraction
  double epsilon = 1e-6;          ///< of AdamW
  double weight_decay = 0.0;      ///< biases and norms have none
  double smoothing = 0.0;         ///< of labels
  std::filesystem::path teacher;  ///< a run of the same task, or a Hugging Face folder; empty: there is none
  transformer::Distillation distillation = {};  ///< how the teacher's answers count

  int batch = 32;
  int accumulation = 1;             ///< batches a step
  double epochs = 3.0;              ///< 0: as many as usual_epochs says
  std::int64_t steps = 0;           ///< instead of epochs, if not 0
  std::int64_t train_limit = 0;     ///< so many training sequences, evenly spread; 0: all
  std::int64_t dev_limit = 0;       ///< likewise
  std::int64_t evaluate_every = 0;  ///< steps; 0: after each epoch
  int patience = 0;                 ///< evaluations without a better score before the run stops; 0: never
  index_t max_length = 128;         ///< tokens of a sequence
  std::uint64_t seed = 43;
  int threads = 0;         ///< 0: all cores
  bool recompute = false;  ///< blocks are computed again in backward: of all but one, their inputs alone are in memory
};

/// As JSON text, every field by its name.
[[nodiscard]] std::string settings_text(const Settings& settings);
/// What `settings_text` gave. Throws pst::Error, which begins with `source`, on anything else.
[[nodiscard]] Settings parse_settings(std::string_view text, const std::string& source);

/// Throws pst::Error on a value that no run can have.
void check(const Settings& settings);

/// The first field that differs, as "rate = 0.1 there, 0.2 here"; empty when two runs are the same. What changes no
/// number of a run does not matter: threads, and what is computed again.
[[nodiscard]] std::string difference(const Settings& there, const Settings& here);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "finetune/model/config.hpp"

namespace finetune {

/// How the linear layers inside the blocks are trained and made sparse.
struct MethodSettings {
  std::string name = "pst";  ///< of methods()
  double sparsity = 0.9;     ///< to be reached; soft movement comes near it by its penalty
  std::string schedule = "cubic";
  double warmup = 0.1;                         ///< fraction of the run before weights are pruned
  double cooldown = 0.3;                       ///< fraction of the run after the last one is
  index_t delta_rank = 8;                      ///< of U V
  index_t score_rank = 8;                      ///< of A B
  double beta = 1.0;                           ///< scale of U V
  double alpha1 = 1.0;                         ///< scale of A B
  double alpha2 = 1.0;                         ///< scale of R + C
  std::string scores = "every";                ///< how scores learn: every, every-K, sample-K (one token in K), rest-P
  std::string refresh = "every";               ///< when masks move: every, every-K, until-P
  std::string straight_through = "reference";  ///< or masked, dense
  double penalty = 0.0;                        ///< of soft movement
};

/// Everything that a run depends on.
struct Settings {
  std::filesystem::path model;  ///< a Hugging Face folder
  std::string task;
  std::filesystem::path data;  ///< the folder of the task's files
  MethodSettings method;

  double rate = 1e-3;       ///< learning rate
  double score_rate = 1.0;  ///< times `rate`, for scores
  double head_rate = 1.0;   ///< times `rate`, for pooler and head
  std::string rate_schedule = "linear";
  double rate_warmup = 0.0;  ///< fraction of the run in which the rate rises
  double epsilon = 1e-6;     ///< of AdamW
  double weight_decay = 0.0;
  double smoothing = 0.0;  ///< of labels
  bool reference = false;  ///< nothing trains but factors, as in the authors' code

  int batch = 32;
  int accumulation = 1;  ///< batches a step
  double epochs = 3.0;
  index_t max_length = 128;  ///< tokens of a sequence
  std::uint64_t seed = 43;
  int threads = 0;  ///< 0: all cores
};

}  // namespace finetune

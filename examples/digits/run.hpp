// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data.hpp"
#include "methods.hpp"
#include "options.hpp"

namespace digits {

/// One fine-tuning: a method, a sparsity and a seed.
struct RunSpec {
  MethodInfo method;
  double sparsity = 0.9;
  int seed = 1;

  /// Names the files of this run.
  [[nodiscard]] std::string name() const;
};

/// How a run stood at one of its steps.
struct CurvePoint {
  int step = 0;
  double accuracy = 0;
  double sparsity = 0;
  double loss = 0;
};

/// What a run gave.
struct RunResult {
  std::string method;
  double target_sparsity = 0;
  int seed = 0;
  double accuracy = 0;    ///< on images that no step has seen
  double sparsity = 0;    ///< of all linear layers in the blocks together
  long trainable = 0;     ///< trained numbers
  double step_ms = 0;     ///< mean time of a step, evaluations aside
  double peak_mb = 0;     ///< the most memory of the run's process beyond what it had at its start
  long dense_bytes = 0;   ///< the file with dense weights
  long saved_bytes = 0;   ///< the file with bit masks and kept weights
  bool reloaded = false;  ///< the saved file has exact zeros and the same accuracy
  std::vector<CurvePoint> curve = {};
};

[[nodiscard]] std::string to_json(const RunResult& result);
/// Throws pst::Error that begins with `name` when `text` is no result.
[[nodiscard]] RunResult result_from_json(const std::string& text, const std::string& name);

/// Called after every step of a training, with how it stands.
using Report = std::function<void(const CurvePoint&)>;

/// The images of an experiment.
struct Split {
  Images unlabelled;  ///< pretraining sees these, without their labels
  Images labelled;    ///< fine-tuning sees these
  Images unseen;      ///< accuracy is measured here
};
[[nodiscard]] Split split(const Images& images, const Settings& settings);

/// Trains the dense encoder to fill in hidden patches and writes it to `checkpoint`.
void pretrain(const Settings& settings, const Images& images, const std::filesystem::path& checkpoint,
              const Report& report);

/// Fine-tunes the encoder of OUT/pretrained.safetensors; writes OUT/models and, last, OUT/runs.
void fine_tune(const RunSpec& spec, const Settings& settings, const Split& images, const std::filesystem::path& out,
               const Report& report);

}  // namespace digits

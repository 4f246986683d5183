// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/optim/adamw.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "finetune/model/model.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// Says which parameters of a model of this configuration train.
[[nodiscard]] std::function<bool(const ModelParameter&)> trained_parameters(const Settings& settings,
                                                                            const ModelConfig& config);
/// The lowest block in which a parameter trains, as Encoder::lowest_trained has it: 0 where one trains below all
/// blocks.
[[nodiscard]] index_t lowest_trained_block(const Model& model, const Settings& settings);

/// The parameters that train, and what moves them: AdamW, with rates of their own for scores and head, and without
/// weight decay for biases and norms.
class Optimizer {
 public:
  Optimizer(const Model& model, const Settings& settings);

  /// One step with the gradients that are there; `rate_scale` and, for kept weights, `kept_scale` are of the schedules
  /// of the rate.
  void step(double rate_scale, double kept_scale);
  /// Goes on with the parameters that the model has now. Of those that were there before all is remembered; others,
  /// such as kept weights, begin as at a first step.
  void follow(const Model& model, const Settings& settings);
  /// Throws pst::Error with the names where what it moves is not what trains: a layer may have been made anew since.
  void check(Model& model, const Settings& settings) const;
  [[nodiscard]] index_t trainable() const noexcept;
  [[nodiscard]] std::size_t bytes() const noexcept;
  /// The state of each group, to go on from bit for bit.
  [[nodiscard]] std::map<std::string, pst::TensorList> save() const;
  void restore(const std::map<std::string, pst::TensorList>& state);

 private:
  struct Group {
    pst::AdamW<float> adamw;
    std::vector<pst::Parameter<float>> parameters;
  };
  std::map<std::string, Group> groups_;
};

/// The learning rate of a step (from 0), as a share of the largest: the schedules of transformers.
[[nodiscard]] double rate_scale(const Settings& settings, std::int64_t step, std::int64_t steps);

/// How many numbers a model has and trains.
struct ParameterCounts {
  index_t model = 0;      ///< tensors of the dense model with its head
  index_t prunable = 0;   ///< weights of the linear layers inside the blocks
  index_t trainable = 0;  ///< from the first step on
  index_t at_rest = 0;    ///< once kept weights train themselves in place of updates and scores; 0 where they never do
  std::vector<std::pair<std::string, index_t>> parts;  ///< of those that train, by what they are
};
[[nodiscard]] ParameterCounts count_parameters(Model& model, const Settings& settings);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "finetune/train/data_order.hpp"
#include "finetune/train/parameters.hpp"

namespace finetune {

/// What one step of the optimizer came from.
struct StepOutcome {
  double loss = 0;  ///< the mean over all labels that count
  index_t tokens = 0;
};

/// Learns from the batches of a step and moves the parameters; between two `begin_step`s of the model.
class TrainingStep {
 public:
  TrainingStep(Model& model, std::span<const Sequence> sequences, const Settings& settings)
      : model_{model},
        sequences_{sequences},
        settings_{settings},
        order_{sequences.size(), settings},
        optimizer_{model, settings} {
    model.encoder().lowest_trained = lowest_trained_block(model, settings);
    model.encoder().recompute = settings.recompute;
  }

  /// Throws pst::Error that names the step, and the tensor where there is one, when a number is not finite.
  StepOutcome operator()(std::int64_t step);

  [[nodiscard]] const DataOrder& order() const noexcept { return order_; }
  [[nodiscard]] Optimizer& optimizer() noexcept { return optimizer_; }
  /// Before `begin_step`: has kept weights or changes train from the step on at which masks or gates come to rest.
  /// Whether that is now.
  bool rest_if_due(std::int64_t step);
  /// To be called when the model has other parameters than before.
  void follow_model() { optimizer_.follow(model_, settings_); }

 private:
  [[nodiscard]] StepOutcome learn(std::int64_t step);
  void refuse_non_finite(double loss) const;

  Model& model_;
  std::span<const Sequence> sequences_;
  const Settings& settings_;
  DataOrder order_;
  Optimizer optimizer_;
  bool has_rested_ = false;  ///< whether `rest_if_due` has done what it does
};

/// Whether changes behind gates train, until the largest of them go on alone.
[[nodiscard]] bool has_gates(const MethodSettings& method);
/// The step (from 0) before which masks come to rest, or gates, and from which on kept weights or changes train;
/// `steps` where none do.
[[nodiscard]] std::int64_t rest_step(const Settings& settings, std::int64_t steps);
/// The learning rate of kept weights and changes at a step from `rest_step` on, as a share of the largest: `rate_scale`
/// of the steps that are left, so that the rate rises again, over the same share of them, and falls from there.
[[nodiscard]] double kept_scale(const Settings& settings, std::int64_t step, std::int64_t steps);

/// Whether weights are to be pruned until a sparsity is reached.
[[nodiscard]] bool prunes(const MethodSettings& method);
/// The last step before the first weight is pruned; 0 where there is none, or no weight is pruned.
[[nodiscard]] std::int64_t last_dense_step(const MethodSettings& method, std::int64_t steps);
/// The fraction of pruned weights in the linear layers inside the blocks, of those alone that the method trains.
[[nodiscard]] double reached_sparsity(Model& model, const MethodSettings& method);
/// Whether that is what the method was asked for, rounding in each layer aside; always where nothing is pruned.
[[nodiscard]] bool is_sparse_enough(const MethodSettings& method, double sparsity);

}  // namespace finetune

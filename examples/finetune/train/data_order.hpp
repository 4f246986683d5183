// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "finetune/data/sequences.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

/// How often a run goes through data of so many steps where it is not told: 3 times, or as often as 3000 steps take,
/// but 40 times at most. Weights that are pruned while a task is learnt need that many steps, however small the task.
[[nodiscard]] double usual_epochs(std::int64_t steps_per_epoch);

/// Which sequences a step learns from: all of them in each epoch, in an order that follows from seed and epoch alone.
class DataOrder {
 public:
  DataOrder(std::size_t sequences, const Settings& settings);

  [[nodiscard]] std::int64_t steps_per_epoch() const noexcept { return steps_per_epoch_; }
  /// Steps of the whole run.
  [[nodiscard]] std::int64_t steps() const noexcept { return steps_; }
  [[nodiscard]] double epoch_at(std::int64_t step) const noexcept;
  /// The batches of a step (from 0); `accumulation` of them, fewer at the end of an epoch.
  [[nodiscard]] std::vector<std::vector<std::size_t>> batches_of(std::int64_t step);

 private:
  void shuffle(std::int64_t epoch);

  std::size_t batch_, accumulation_;
  std::uint64_t seed_;
  std::int64_t steps_per_epoch_ = 0, steps_ = 0;
  std::int64_t shuffled_ = -1;  ///< the epoch of `order_`
  std::vector<std::size_t> order_;
};

/// At most `limit` of the sequences, evenly spread; all of them where the limit is 0.
[[nodiscard]] std::vector<Sequence> limited(std::vector<Sequence> sequences, std::int64_t limit);

}  // namespace finetune

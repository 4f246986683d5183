// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/data_order.hpp"

#include <pst/core/error.hpp>
#include <pst/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <utility>

namespace finetune {

double usual_epochs(std::int64_t steps_per_epoch) {
  constexpr double fewest_steps = 3000, fewest_epochs = 3, most_epochs = 40;
  return std::clamp(std::ceil(fewest_steps / static_cast<double>(steps_per_epoch)), fewest_epochs, most_epochs);
}

DataOrder::DataOrder(std::size_t sequences, const Settings& settings)
    : batch_{static_cast<std::size_t>(settings.batch)},
      accumulation_{static_cast<std::size_t>(settings.accumulation)},
      seed_{pst::derive_seed(settings.seed, 'D')},
      order_(sequences) {
  pst::require(sequences > 0, "there are no sequences to learn from");
  const std::size_t per_step = batch_ * accumulation_;
  steps_per_epoch_ = static_cast<std::int64_t>((sequences + per_step - 1) / per_step);
  const double epochs = settings.epochs > 0 ? settings.epochs : usual_epochs(steps_per_epoch_);
  const double by_epochs = std::ceil(epochs * static_cast<double>(steps_per_epoch_) - 1e-9);
  pst::require(by_epochs < 1e12, "the run has ", by_epochs, " steps, expected fewer: lower --epochs");
  steps_ = settings.steps > 0 ? settings.steps : std::max<std::int64_t>(1, static_cast<std::int64_t>(by_epochs));
}

double DataOrder::epoch_at(std::int64_t step) const noexcept {
  return static_cast<double>(step) / static_cast<double>(steps_per_epoch_);
}

void DataOrder::shuffle(std::int64_t epoch) {
  if (shuffled_ == epoch) return;
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::mt19937_64 random{pst::mix_bits(seed_ + static_cast<std::uint64_t>(epoch))};
  for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random() % i]);
  shuffled_ = epoch;
}

std::vector<std::vector<std::size_t>> DataOrder::batches_of(std::int64_t step) {
  shuffle(step / steps_per_epoch_);
  std::size_t next = static_cast<std::size_t>(step % steps_per_epoch_) * batch_ * accumulation_;
  std::vector<std::vector<std::size_t>> batches;
  while (batches.size() < accumulation_ && next < order_.size()) {
    const std::size_t count = std::min(batch_, order_.size() - next);
    const auto first = order_.begin() + static_cast<std::ptrdiff_t>(next);
    batches.emplace_back(first, first + static_cast<std::ptrdiff_t>(count));
    next += count;
  }
  return batches;
}

std::vector<Sequence> limited(std::vector<Sequence> sequences, std::int64_t limit) {
  const auto most = static_cast<std::size_t>(limit);
  if (limit == 0 || sequences.size() <= most) return sequences;
  for (std::size_t i = 0; i < most; ++i) {
    const auto from = static_cast<std::size_t>(static_cast<double>(i) * static_cast<double>(sequences.size()) /
                                               static_cast<double>(most));
    if (from != i) sequences[i] = std::move(sequences[from]);
  }
  sequences.resize(most);
  return sequences;
}

}  // namespace finetune

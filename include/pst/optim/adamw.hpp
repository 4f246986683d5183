// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "pst/optim/moments.hpp"

namespace pst::PST_ABI {

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW computes it.
/// @ingroup optim
template <class Scalar = float>
class AdamW {
 public:
  struct Options {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;
    GroupRates group_rates{};
  };

  /// Throws Error when the learning rate is negative or not finite.
  explicit AdamW(Options options = {}) : options_{detail::checked(options)} {}

  /// Moves every parameter once; `rate_scale` is for a learning-rate schedule. The list must have the same parameters
  /// at every step. Throws Error, having changed nothing, on NaN or Inf in a gradient.
  void step(std::span<const Parameter<Scalar>> parameters, double rate_scale = 1.0) {
    moments_.check(parameters);
    ++steps_;
    for (std::size_t i = 0; i < parameters.size(); ++i) update(parameters[i], moments_.of(i), rate_scale);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return moments_.bytes(); }
  /// Steps and moments, for `restore` to go on from, bit for bit.
  [[nodiscard]] TensorList save() const { return moments_.save(steps_); }
  /// Throws Error, having changed nothing, when `state` is not what `save` gave.
  void restore(const TensorList& state) { steps_ = moments_.restore(state); }

 private:
  void update(const Parameter<Scalar>& p, std::span<Scalar> memory, double rate_scale) const {
    const double rate = options_.learning_rate * options_.group_rates.of(p.group) * rate_scale;
    const double t = static_cast<double>(steps_);
    const auto beta1 = static_cast<Scalar>(options_.beta1), beta2 = static_cast<Scalar>(options_.beta2);
    const auto rest1 = static_cast<Scalar>(1 - options_.beta1), rest2 = static_cast<Scalar>(1 - options_.beta2);
    const auto keep = static_cast<Scalar>(1 - rate * options_.weight_decay);
    const auto size = static_cast<Scalar>(rate / (1 - std::pow(options_.beta1, t)));
    const auto root = static_cast<Scalar>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
    const auto epsilon = static_cast<Scalar>(options_.epsilon);
    Scalar* mean = memory.data();
    Scalar* square = mean + p.value.size();
    for (index_t r = 0; r < p.value.rows; ++r, mean += p.value.cols, square += p.value.cols) {
      Scalar* value = p.value.row(r);
      const Scalar* grad = p.grad.row(r);
      for (index_t c = 0; c < p.value.cols; ++c) {
        mean[c] = beta1 * mean[c] + rest1 * grad[c];
        square[c] = beta2 * square[c] + rest2 * grad[c] * grad[c];
        value[c] = keep * value[c] - size * mean[c] / (std::sqrt(square[c]) * root + epsilon);
      }
    }
  }

  Options options_;
  Moments<Scalar> moments_{2};
  std::int64_t steps_ = 0;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "pst/optim/moments.hpp"

namespace pst::PST_ABI {

/// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it.
/// @ingroup optim
template <class Scalar = float>
class Sgd {
 public:
  struct Options {
    double learning_rate = 1e-2;
    double momentum = 0.0;
    double weight_decay = 0.0;
    GroupRates group_rates{};
  };

  /// Throws Error when the learning rate is negative or not finite.
  explicit Sgd(Options options = {}) : options_{detail::checked(options)}, moments_{options.momentum != 0 ? 1U : 0U} {}

  /// Moves every parameter once; `rate_scale` is for a learning-rate schedule. The list must have the same parameters
  /// at every step. Throws Error, having changed nothing, on NaN or Inf in a gradient.
  void step(std::span<const Parameter<Scalar>> parameters, double rate_scale = 1.0) {
    moments_.check(parameters);
    ++steps_;
    for (std::size_t i = 0; i < parameters.size(); ++i) update(parameters[i], moments_.of(i), rate_scale);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return moments_.bytes(); }
  /// Steps and velocities, for `restore` to go on from, bit for bit.
  [[nodiscard]] TensorList save() const { return moments_.save(steps_); }
  /// Throws Error, having changed nothing, when `state` is not what `save` gave.
  void restore(const TensorList& state) { steps_ = moments_.restore(state); }

 private:
  void update(const Parameter<Scalar>& p, std::span<Scalar> velocity, double rate_scale) const {
    const auto rate = static_cast<Scalar>(options_.learning_rate * options_.group_rates.of(p.group) * rate_scale);
    const auto decay = static_cast<Scalar>(options_.weight_decay), momentum = static_cast<Scalar>(options_.momentum);
    for (index_t r = 0; r < p.value.rows; ++r)
      for (index_t c = 0; c < p.value.cols; ++c) {
        Scalar direction = p.grad(r, c) + decay * p.value(r, c);
        if (!velocity.empty()) {
          Scalar& v = velocity[static_cast<std::size_t>(r * p.value.cols + c)];
          direction = v = momentum * v + direction;
        }
        p.value(r, c) -= rate * direction;
      }
  }

  Options options_;
  Moments<Scalar> moments_;
  std::int64_t steps_ = 0;
};

}  // namespace pst::PST_ABI

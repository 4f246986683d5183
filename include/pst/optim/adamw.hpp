// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "pst/optim/optimizer.hpp"

namespace pst::PST_ABI {

/// How AdamW moves a parameter; two numbers for each element.
/// @ingroup optim
template <class Scalar>
struct AdamWRule {
  using scalar = Scalar;
  struct Options {
    double learning_rate = 1e-3;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-8;
    double weight_decay = 0.0;
    GroupRates group_rates{};
  };
  Options options{};

  [[nodiscard]] std::size_t numbers() const noexcept { return 2; }
  void move(const Parameter<Scalar>& p, std::span<Scalar> memory, double rate, std::int64_t step) const {
    const double t = static_cast<double>(step);
    const auto beta1 = static_cast<Scalar>(options.beta1), beta2 = static_cast<Scalar>(options.beta2);
    const auto rest1 = static_cast<Scalar>(1 - options.beta1), rest2 = static_cast<Scalar>(1 - options.beta2);
    const auto keep = static_cast<Scalar>(1 - rate * options.weight_decay);
    const auto size = static_cast<Scalar>(rate / (1 - std::pow(options.beta1, t)));
    const auto root = static_cast<Scalar>(1 / std::sqrt(1 - std::pow(options.beta2, t)));
    const auto epsilon = static_cast<Scalar>(options.epsilon);
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
};

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW computes it.
/// @ingroup optim
template <class Scalar = float>
using AdamW = Optimizer<AdamWRule<Scalar>>;

}  // namespace pst::PST_ABI

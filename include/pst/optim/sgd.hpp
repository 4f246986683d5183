// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "pst/optim/optimizer.hpp"

namespace pst::PST_ABI {

/// How Sgd moves a parameter; one number for each element where there is momentum.
/// @ingroup optim
template <class Scalar>
struct SgdRule {
  using scalar = Scalar;
  struct Options {
    double learning_rate = 1e-2;
    double momentum = 0.0;
    double weight_decay = 0.0;
    GroupRates group_rates{};
  };
  Options options{};

  [[nodiscard]] std::size_t numbers() const noexcept { return options.momentum != 0 ? 1 : 0; }
  void move(const Parameter<Scalar>& p, std::span<Scalar> velocity, double step_rate, std::int64_t) const {
    const auto rate = static_cast<Scalar>(step_rate), decay = static_cast<Scalar>(options.weight_decay),
               momentum = static_cast<Scalar>(options.momentum);
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
};

/// Stochastic gradient descent with momentum and weight decay, as torch.optim.SGD computes it.
/// @ingroup optim
template <class Scalar = float>
using Sgd = Optimizer<SgdRule<Scalar>>;

}  // namespace pst::PST_ABI

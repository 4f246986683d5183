// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// Between the two projections of a bottleneck.
/// @ingroup adapter
enum class Activation {
  relu,
  gelu,       ///< by the error function
  gelu_tanh,  ///< x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
  silu        ///< x / (1 + exp(-x)), also called swish
};

namespace functors {

/// phi(x); NaN stays NaN.
struct Activate {
  Activation kind;
  template <class T>
  PST_HD T operator()(T value) const {
    const auto x = static_cast<double>(value);
    if (kind == Activation::relu) return value < T{0} ? T{0} : value;
    if (kind == Activation::gelu) return static_cast<T>(0.5 * x * (1 + std::erf(x * 0.70710678118654752440)));
    if (kind == Activation::silu) return static_cast<T>(x / (1 + std::exp(-x)));
    return static_cast<T>(0.5 * x * (1 + std::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))));
  }
};

/// grad * phi'(x)
struct ActivateBack {
  Activation kind;
  template <class T>
  PST_HD T operator()(T grad, T value) const {
    return static_cast<T>(static_cast<double>(grad) * derivative(static_cast<double>(value)));
  }

 private:
  [[nodiscard]] PST_HD double derivative(double x) const {
    if (kind == Activation::relu) return x > 0 ? 1.0 : 0.0;
    if (kind == Activation::gelu)
      return 0.5 * (1 + std::erf(x * 0.70710678118654752440)) + 0.39894228040143267794 * x * std::exp(-0.5 * x * x);
    if (kind == Activation::silu) {
      const double s = 1 / (1 + std::exp(-x));
      return s * (1 + x * (1 - s));
    }
    constexpr double root = 0.79788456080286535588;
    const double t = std::tanh(root * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t + x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x));
  }
};

}  // namespace functors

}  // namespace pst::PST_ABI

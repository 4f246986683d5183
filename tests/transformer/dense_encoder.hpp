// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <random>

#include "transformer/dense_linear.hpp"
#include "transformer/encoder.hpp"

namespace transformer::test {

/// An encoder of dense layers with drawn weights, ready for its first pass.
inline Encoder<double> make_encoder(const EncoderConfig& config) {
  Encoder<double> made{config, dense_layers<double>()};
  std::mt19937_64 random{7};
  made.for_each_projection([&](auto& projection) {
    projection.initialise(random);
    fill_normal(projection.bias, 0.1, random);
  });
  made.attach();
  made.begin_step(0, 1);
  return made;
}

}  // namespace transformer::test

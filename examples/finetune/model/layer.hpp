// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "transformer/encoder.hpp"

namespace finetune {

using transformer::index_t;
using Matrix = transformer::Matrix<float>;
using Norm = transformer::LayerNorm<float>;
using Cache = transformer::KeyValueCache<float>;

/// One linear layer of a model, of any method.
using Layer = transformer::Projection<float>;
/// Makes the layers of a model that the caller chose.
using MakeLayer = transformer::MakeProjection<float>;

}  // namespace finetune

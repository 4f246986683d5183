// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "finetune/model/model.hpp"

namespace finetune {

/// The same model, dense and without branches: scales of (IA)3 are put into the weights and biases in front of them, or
/// behind them, and zeros stay zeros. Throws pst::Error where a branch is no part of a weight, as a bottleneck, which
/// has an activation in its middle, and where there are virtual tokens.
[[nodiscard]] std::unique_ptr<Model> without_branches(Model& model);

}  // namespace finetune

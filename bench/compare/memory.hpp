// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/config.hpp>

#include <vector>

namespace compare {

/// What a PST layer needs besides its weight, activations, factors and their gradients, in bytes per weight.
struct ExtraMemory {
  pst::Shape shape;
  double reported = 0;  ///< by the layer itself
  double process = 0;   ///< by the system: how much higher the peak of a process with the layer is than of one without
};

/// Measures each shape in processes of its own. To be called before any thread has been started: a fork knows only its
/// caller's.
[[nodiscard]] std::vector<ExtraMemory> extra_memory(const std::vector<pst::Shape>& shapes, double sparsity,
                                                    int threads);

}  // namespace compare

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "pst/any/linear.hpp"

namespace pst::PST_ABI {

/// Begins the `step`-th of `steps` steps of all layers or, where one of them refuses, of none. Layers whose selector is
/// "global" have one sparsity budget, as the first of them says; ties are pruned in the first of them first.
/// @ingroup any
template <class Scalar>
void begin_step_together(std::span<AnyLinear<Scalar>* const> layers, index_t step, index_t steps);
/// AnyLinear::refresh of all layers, or of none, in the same way.
/// @ingroup any
template <class Scalar>
void refresh_together(std::span<AnyLinear<Scalar>* const> layers, double progress);

extern template void begin_step_together(std::span<AnyLinear<float>* const> layers, index_t step, index_t steps);
extern template void begin_step_together(std::span<AnyLinear<double>* const> layers, index_t step, index_t steps);
extern template void refresh_together(std::span<AnyLinear<float>* const> layers, double progress);
extern template void refresh_together(std::span<AnyLinear<double>* const> layers, double progress);

}  // namespace pst::PST_ABI

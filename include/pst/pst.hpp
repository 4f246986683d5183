// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything for the CPU: all policies, the layer, branches on activations, the optimizers, the backends EigenCpu and
/// Reference.

// First, so that compilers name few files in front of what they say of a policy in the wrong place.
#include "pst/concepts/role.hpp"

#include "pst/concepts/importance.hpp"

#include "pst/concepts/delta.hpp"
#include "pst/concepts/selector.hpp"

#include "pst/adapter/bottleneck.hpp"
#include "pst/adapter/kronecker_projection.hpp"
#include "pst/adapter/low_rank_projection.hpp"
#include "pst/adapter/rescale.hpp"
#include "pst/backend/eigen_cpu.hpp"
#include "pst/backend/reference.hpp"
#include "pst/core/shared_parameter.hpp"
#include "pst/core/version.hpp"
#include "pst/layer/changed_linear.hpp"
#include "pst/layer/keep_largest.hpp"
#include "pst/layer/kept_linear.hpp"
#include "pst/layer/mask_report.hpp"
#include "pst/layer/sparse_linear.hpp"
#include "pst/layer/together.hpp"
#include "pst/layer/unpruned.hpp"
#include "pst/optim/adamw.hpp"
#include "pst/optim/sgd.hpp"
#include "pst/policies.hpp"
#include "pst/prompt/mlp.hpp"
#include "pst/prompt/virtual_tokens.hpp"
#include "pst/serve/sparse_matrix.hpp"

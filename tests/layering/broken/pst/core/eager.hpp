// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wrong on purpose: tests/layering must name each line.
#include <Eigen/Core>

#include "pst/layer/sparse_linear.hpp"
#include "view.hpp"
#define PST_EAGER 1

namespace pst {}

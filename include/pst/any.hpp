// SPDX-License-Identifier: Apache-2.0
#pragma once

/// @defgroup any Layers at run time
/// What models, programs and other languages hold. `SparseLinear` is the kernel: a type for every combination of
/// policies. AnyLinear stands for any of these types behind one virtual call for each operation, so that a model is
/// compiled once, whatever methods its layers have.
///
/// - LinearSpec says what a layer is made from, as a plain struct or as text: `read_spec("movement score_start=10")`.
/// - `make_linear(spec, shape)` makes a layer, with the results of the type it stands for, bit for bit.
/// - LayerSet holds the layers of a model: steps, parameters, reports and state of all at once, and one sparsity budget
///   over those that share it.
/// - `register_linear<MyLayer>("mine", ...)` (any/register_linear.hpp) adds a layer type of one's own under a name, and
///   whatever derives from LinearInterface can be held as well.
/// - `c.h` is the same in C.
///
/// What decides how the numbers of a weight are computed stays a type: the terms of the score, the update, the stored
/// numbers. What is decided once a step or once a block of rows is a policy that is chosen at run time, of which
/// any/policies has one for each axis: schedule, selector, refresh, score gradient, straight-through rule, ranks. So
/// fourteen types of layer stand for all combinations, and nothing is slower than the type of the same method.
///
/// Nothing here includes Eigen or a policy. The functions are defined in any/implementation.hpp: include it in one
/// translation unit of the program, or link the CMake target pst::any.

#include "pst/any/changed.hpp"
#include "pst/any/kept.hpp"
#include "pst/any/layer_set.hpp"
#include "pst/any/linear.hpp"
#include "pst/any/registry.hpp"
#include "pst/any/spec.hpp"
#include "pst/any/together.hpp"
#include "pst/core/version.hpp"

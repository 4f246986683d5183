// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What any.hpp and c.h declare, with every layer type that the library's methods are made of. A program includes it in
/// one translation unit, or links the CMake target pst::any, which compiles it with the program's flags.

#include "pst/any/implementation/c_api.hpp"
#include "pst/any/implementation/double_layers.hpp"
#include "pst/any/implementation/float_layers.hpp"
#include "pst/any/implementation/layer_set.hpp"
#include "pst/any/implementation/registry.hpp"
#include "pst/any/implementation/spec.hpp"
#include "pst/any/implementation/together.hpp"

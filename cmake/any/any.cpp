// SPDX-License-Identifier: Apache-2.0
#include "pst/any/implementation/c_api.hpp"
#include "pst/any/implementation/layer_set.hpp"
#include "pst/any/implementation/registry.hpp"
#include "pst/any/implementation/spec.hpp"
#include "pst/any/implementation/together.hpp"

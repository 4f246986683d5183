// SPDX-License-Identifier: Apache-2.0
#include "pst/any/implementation/float_layers.hpp"

// SPDX-License-Identifier: Apache-2.0
#include "pst/any/implementation/double_layers.hpp"

// SPDX-License-Identifier: Apache-2.0
#pragma once
// Wrong on purpose: a backend that includes another.
#include "pst/backend/eigen_cpu.hpp"

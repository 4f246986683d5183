// SPDX-License-Identifier: Apache-2.0
// with<> of a type that is no policy.
// expect: 'ReplacesAPolicy<
// expect: basic_string<char
#include <string>

#include "pst/pst.hpp"

#ifndef PST_EXPECT_ERROR
using Policy = pst::Movement;
#else
using Policy = std::string;
#endif

using Layer = pst::SparseLinear<>::with<Policy>;

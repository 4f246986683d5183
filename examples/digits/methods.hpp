// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/spec.hpp>

#include <array>
#include <string_view>

#include "options.hpp"

namespace digits {

/// A method of the library, with the learning rates that the search of RESULTS.md chose for it.
struct MethodInfo {
  std::string_view name;    ///< on the command line and in file names
  std::string_view method;  ///< that of the library
  std::string_view title;   ///< in tables and pictures
  double rate;              ///< learning rate
  double score_rate;        ///< times the learning rate: that of the scores
  bool draws_mask = false;  ///< its mask is in the pictures
};

inline constexpr std::array method_table{
    MethodInfo{"dense", "full", "full dense", 1e-3, 1.0},
    MethodInfo{"magnitude", "magnitude", "magnitude", 3e-3, 1.0, true},
    MethodInfo{"movement", "movement", "movement", 3e-3, 10.0, true},
    MethodInfo{"soft-movement", "soft-movement", "soft movement", 1e-3, 30.0},
    MethodInfo{"pst", "pst", "PST", 3e-3, 3.0, true},
    MethodInfo{"pst-ab", "pst-ab", "PST, only AB", 3e-3, 3.0},
    MethodInfo{"pst-rc", "pst-rc", "PST, only R + C", 3e-3, 1.0},
};

/// The row of `method_table` with this name; throws pst::Error when there is none.
[[nodiscard]] const MethodInfo& method_named(std::string_view name);
/// Its place in `method_table`.
[[nodiscard]] std::size_t place_of(const MethodInfo& info);

/// The penalty with which soft movement ends near a sparsity, for the default rates and number of steps: a line through
/// log(1 - sparsity) over log(penalty), fitted to two runs of RESULTS.md.
[[nodiscard]] double penalty_for(double sparsity);

/// What the linear layers of a run are made from.
[[nodiscard]] pst::LinearSpec spec_of(const MethodInfo& info, const Settings& settings, double sparsity);

}  // namespace digits

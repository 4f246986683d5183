// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/tensor_entry.hpp>

#include <string>
#include <string_view>

namespace finetune {

/// A stranger's text as an error shows it: between quotes, cut short, without control characters.
[[nodiscard]] inline std::string in_quotes(std::string_view text) { return '"' + pst::io::printable(text) + '"'; }

}  // namespace finetune

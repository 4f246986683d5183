// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/implementation/nearest.hpp>
#include <pst/core/error.hpp>

#include <string_view>
#include <vector>

namespace finetune {

/// The entry called `name` in a table of what is called a `kind`. Throws pst::Error with the names, and the nearest
/// one, when there is none.
template <class Table>
[[nodiscard]] const auto& named(const Table& table, const char* kind, std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& entry : table) {
    if (entry.name == name) return entry;
    names.push_back(entry.name);
  }
  pst::fail("there is no ", kind, " \"", name.substr(0, 60), "\", expected one of ", pst::detail::listed(names),
            pst::detail::did_you_mean(name, names));
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>

#include "finetune/search/search.hpp"

namespace finetune {

/// The candidates as a Markdown table, and bars of their scores.
void print_search(std::ostream& out, const SearchResult& result);

/// A picture (SVG): score, size and time over the sparsity.
[[nodiscard]] std::string draw_search(const std::string& title, const SearchResult& result);

/// All of it as JSON text, for programs; a score that is undefined is null.
[[nodiscard]] std::string search_text(const SearchResult& result);

}  // namespace finetune

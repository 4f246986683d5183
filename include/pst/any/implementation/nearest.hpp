// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/config.hpp"

/// Names that were meant.
namespace pst::PST_ABI::detail {

/// How many letters are put in, left out or replaced between two words (Levenshtein).
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

/// "; did you mean pst or pst-ab?" with the known words nearest to one that is unknown; empty when none is near.
[[nodiscard]] inline std::string did_you_mean(std::string_view word, const std::vector<std::string_view>& known) {
  const std::size_t near = std::max<std::size_t>(2, word.size() / 3);
  std::size_t least = near + 1;
  std::string words;
  for (const std::string_view each : known) {
    const std::size_t distance = edit_distance(word, each);
    if (distance > near || distance > least || distance >= each.size()) continue;
    if (distance < least) words.clear();
    least = distance;
    words.append(words.empty() ? "" : " or ").append(each);
  }
  return words.empty() ? words : "; did you mean " + words + '?';
}

/// The words with commas between them.
[[nodiscard]] inline std::string listed(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace pst::PST_ABI::detail

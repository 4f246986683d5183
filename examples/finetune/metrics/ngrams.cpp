// SPDX-License-Identifier: Apache-2.0
#include "ngrams.hpp"

#include <algorithm>

namespace finetune {

std::vector<NgramCounts> count_ngrams(const Words& words, std::size_t longest) {
  std::vector<NgramCounts> counts(longest);
  for (std::size_t first = 0; first < words.size(); ++first) {
    std::string ngram;
    for (std::size_t n = 1; n <= longest && first + n <= words.size(); ++n) {
      if (n > 1) ngram += ' ';
      ngram += words[first + n - 1];
      ++counts[n - 1][ngram];
    }
  }
  return counts;
}

void keep_largest(NgramCounts& largest, const NgramCounts& counts) {
  for (const auto& [ngram, count] : counts) {
    auto& kept = largest[ngram];
    kept = std::max(kept, count);
  }
}

std::size_t count_of(const NgramCounts& counts, const std::string& ngram) {
  const auto found = counts.find(ngram);
  return found == counts.end() ? 0 : found->second;
}

}  // namespace finetune

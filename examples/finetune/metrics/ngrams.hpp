// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "sentences.hpp"

namespace finetune {

/// How often each n-gram occurs; an n-gram is its words with spaces between.
using NgramCounts = std::unordered_map<std::string, std::size_t>;

/// The n-grams of a sentence up to `longest` words: element n - 1 counts those of n words.
[[nodiscard]] std::vector<NgramCounts> count_ngrams(const Words& words, std::size_t longest);

/// Raises each count of `largest` to that in `counts`: the most that any one sentence has.
void keep_largest(NgramCounts& largest, const NgramCounts& counts);

/// The count of `ngram`, 0 where it does not occur.
[[nodiscard]] std::size_t count_of(const NgramCounts& counts, const std::string& ngram);

/// How many n-grams of `n` words a sentence of `words` words has.
[[nodiscard]] constexpr std::size_t ngrams_in(std::size_t words, std::size_t n) noexcept {
  return words >= n ? words - n + 1 : 0;
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "sequence_template.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <utility>

namespace finetune {
namespace {

/// How long the shorter and the longer of two texts stay within `room`.
std::pair<std::size_t, std::size_t> shortened(std::size_t shorter, std::size_t longer, std::size_t room) {
  if (shorter + longer <= room) return {shorter, longer};
  if (shorter <= room && room - shorter >= shorter) return {shorter, room - shorter};
  return {room / 2, room / 2 + room % 2};
}

void cut(std::vector<TokenId>& first, std::vector<TokenId>& second, std::size_t room) {
  const bool swapped = first.size() > second.size();
  auto [shorter, longer] =
      shortened(std::min(first.size(), second.size()), std::max(first.size(), second.size()), room);
  if (swapped) std::swap(shorter, longer);
  first.resize(std::min(first.size(), shorter));
  second.resize(std::min(second.size(), longer));
}

}  // namespace

SequenceTemplate SequenceTemplate::bert(TokenId classifier, TokenId separator) {
  const Part begin{Source::special, {classifier}, 0};
  const Part middle{Source::special, {separator}, 0};
  const Part end{Source::special, {separator}, 1};
  return {.single = {begin, {Source::first}, middle},
          .pair = {begin, {Source::first}, middle, {Source::second, {}, 1}, end}};
}

SequenceTemplate SequenceTemplate::roberta(TokenId classifier, TokenId separator) {
  const Part begin{Source::special, {classifier}, 0};
  const Part end{Source::special, {separator}, 0};
  return {.single = {begin, {Source::first}, end}, .pair = {begin, {Source::first}, end, end, {Source::second}, end}};
}

std::size_t special_count(const SequenceTemplate::Parts& parts) {
  std::size_t count = 0;
  for (const auto& part : parts) count += part.ids.size();
  return count;
}

Encoding assemble(const SequenceTemplate::Parts& parts, std::vector<TokenId> first, std::vector<TokenId> second,
                  std::size_t max_length) {
  const std::size_t special = special_count(parts);
  pst::require(max_length >= special, "The maximal length is ", max_length, ", expected at least ", special,
               ": that many special tokens stand around the text");
  const bool is_pair =
      std::ranges::any_of(parts, [](const auto& part) { return part.source == SequenceTemplate::Source::second; });
  if (is_pair) {
    cut(first, second, max_length - special);
  } else {
    first.resize(std::min(first.size(), max_length - special));
  }
  Encoding result;
  for (const auto& part : parts) {
    const auto& ids = part.source == SequenceTemplate::Source::special ? part.ids
                      : part.source == SequenceTemplate::Source::first ? first
                                                                       : second;
    result.ids.insert(result.ids.end(), ids.begin(), ids.end());
    result.types.resize(result.ids.size(), part.type);
  }
  return result;
}

}  // namespace finetune

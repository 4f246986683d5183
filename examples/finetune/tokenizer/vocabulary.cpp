// SPDX-License-Identifier: Apache-2.0
#include "vocabulary.hpp"

#include "in_quotes.hpp"

#include <pst/core/error.hpp>

#include <algorithm>

namespace finetune {

void Vocabulary::set(std::string_view token, std::uint64_t id) {
  pst::require(id < most_tokens, "The token ", in_quotes(token), " has the id ", id, ", expected one below ",
               most_tokens);
  pst::require(token.size() <= longest_token, "The token ", in_quotes(token), " has ", token.size(),
               " bytes, expected at most ", longest_token, ": this is no tokenizer's vocabulary");
  const auto number = static_cast<TokenId>(id);
  const auto [other, is_new] = tokens_.try_emplace(number, token);
  pst::require(is_new || other->second == token, "The tokens ", in_quotes(other->second), " and ", in_quotes(token),
               " both have the id ", id, ": a token needs its own");
  ids_.insert_or_assign(std::string{token}, number);
  if (!token.empty()) rows_ = std::max(rows_, static_cast<std::size_t>(id) + 1);
  longest_ = std::max(longest_, token.size());
}

TokenId Vocabulary::id_of(std::string_view token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? no_token : found->second;
}

const std::string* Vocabulary::token_of(TokenId id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : &found->second;
}

}  // namespace finetune

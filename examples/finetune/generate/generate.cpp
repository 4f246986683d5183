// SPDX-License-Identifier: Apache-2.0
#include "finetune/generate/generate.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <memory>
#include <numeric>

namespace finetune {

namespace {

/// Searches for the continuations of some prompts side by side.
class Group {
 public:
  Group(Model& model, std::span<const std::vector<int>> prompts, std::span<const std::size_t> which,
        const GenerationSettings& settings)
      : model_{model}, cache_{model.make_cache(static_cast<index_t>(which.size()))} {
    std::vector<int> ids;
    std::vector<index_t> lengths;
    std::size_t longest = 0;
    for (const std::size_t i : which) longest = std::max(longest, prompts[i].size());
    for (const std::size_t i : which) {
      const std::vector<int>& prompt = prompts[i];
      GenerationSettings own = settings;
      own.max_new_tokens = std::min(own.max_new_tokens, model.config().longest() - static_cast<index_t>(prompt.size()));
      open_.push_back({i, 1, make_search(prompt, i, own)});
      lengths.push_back(static_cast<index_t>(prompt.size()));
      ids.insert(ids.end(), prompt.begin(), prompt.end());
      ids.resize(open_.size() * longest);
    }
    model_.next_logits({static_cast<index_t>(longest), ids, lengths}, cache_, logits_);
  }

  /// Goes on by one token; false when all have ended. Calls `ended` with each prompt that does.
  template <class Ended>
  bool step(Ended&& ended) {
    next_.from.clear();
    next_.tokens.clear();
    index_t row = 0;
    for (Open& each : open_) {
      const std::size_t first = next_.from.size();
      each.search->step(logits_.middleRows(row, each.rows), next_);
      for (std::size_t i = first; i < next_.from.size(); ++i) next_.from[i] += row;
      row += each.rows;
      each.rows = static_cast<index_t>(next_.from.size() - first);
      if (each.rows == 0) ended(each.prompt, each.search->result());
    }
    std::erase_if(open_, [](const Open& each) { return each.rows == 0; });
    if (open_.empty()) return false;
    cache_.reorder(next_.from);
    model_.next_logits({1, next_.tokens}, cache_, logits_);
    return true;
  }

 private:
  /// A prompt whose sentence has not ended, and how many sequences it has.
  struct Open {
    std::size_t prompt;
    index_t rows;
    std::unique_ptr<Search> search;
  };

  Model& model_;
  Cache cache_;
  std::vector<Open> open_;
  NextTokens next_;
  Matrix logits_;
};

}  // namespace

std::vector<Continuation> generate(Model& model, std::span<const std::vector<int>> prompts,
                                   const GenerationSettings& settings, std::size_t at_once,
                                   const std::function<bool(std::size_t done)>& goes_on) {
  check(settings);
  pst::require(at_once > 0, "0 prompts are asked at once, expected at least 1");
  const index_t longest = model.config().longest();
  for (std::size_t i = 0; i < prompts.size(); ++i)
    pst::require(!prompts[i].empty() && static_cast<index_t>(prompts[i].size()) < longest, "prompt ", i + 1, " has ",
                 prompts[i].size(), " tokens, expected 1 to ", longest - 1, ", because the model reads at most ",
                 longest);
  std::vector<std::size_t> order(prompts.size());  // those of like length end together more often
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return prompts[i].size(); });

  std::vector<Continuation> made(prompts.size());
  std::size_t done = 0;
  for (std::size_t first = 0; first < order.size(); first += at_once) {
    Group group{model, prompts, std::span{order}.subspan(first, std::min(at_once, order.size() - first)), settings};
    bool is_open = true;
    while (is_open) {
      is_open = group.step([&](std::size_t prompt, Continuation continuation) {
        made[prompt] = std::move(continuation);
        ++done;
      });
      if (goes_on && !goes_on(done)) return made;
    }
  }
  return made;
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/method_options.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace finetune {

namespace {

constexpr std::array<std::string_view, 6> that_prune{"pst",       "pst-ab",   "pst-rc",
                                                     "magnitude", "movement", "soft-movement"};
constexpr std::span that_rank = std::span{that_prune}.first<5>();  // soft movement has a threshold
constexpr std::array<std::string_view, 5> that_learn_scores{"pst", "pst-ab", "pst-rc", "movement", "soft-movement"};
constexpr std::array<std::string_view, 4> with_update{"pst", "pst-ab", "pst-rc", "lora"};
constexpr std::array<std::string_view, 2> with_low_rank_scores{"pst", "pst-ab"},
    with_structured_scores{"pst", "pst-rc"};
constexpr std::array<std::string_view, 1> movement{"movement"}, soft_movement{"soft-movement"};
constexpr std::array<std::string_view, 7> by_layer{"pst",      "pst-ab",        "pst-rc", "magnitude",
                                                   "movement", "soft-movement", "lora"};

constexpr std::array table{
    MethodOption{"--sparsity", that_prune},
    MethodOption{"--schedule", that_rank},
    MethodOption{"--warmup", that_rank},
    MethodOption{"--cooldown", that_rank},
    MethodOption{"--refresh", that_prune},
    MethodOption{"--straight-through", that_prune},
    MethodOption{"--scores", that_learn_scores},
    MethodOption{"--score-rate", that_learn_scores},
    MethodOption{"--delta-rank", with_update},
    MethodOption{"--beta", with_update},
    MethodOption{"--score-rank", with_low_rank_scores},
    MethodOption{"--alpha1", with_low_rank_scores},
    MethodOption{"--alpha2", with_structured_scores},
    MethodOption{"--penalty", soft_movement},
    MethodOption{"--score-start", movement},
    MethodOption{"--fused", by_layer},
};

}  // namespace

std::span<const MethodOption> method_options() { return table; }

void refuse_unused_options(std::string_view method, const std::function<bool(const char* option)>& given) {
  for (const MethodOption& option : table) {
    if (!given(option.name) || std::ranges::find(option.methods, method) != option.methods.end()) continue;
    std::string names;
    for (const std::string_view name : option.methods) names.append(names.empty() ? "" : ", ").append(name);
    pst::fail(option.name, " is given, but --method ", method, " does not use it, expected it with ", names,
              ": leave it out, or choose one of these");
  }
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/adapters.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <array>

#include "finetune/methods/methods.hpp"
#include "finetune/methods/named.hpp"

namespace finetune {

namespace {

constexpr std::array table{
    AdapterInfo{"none", "nothing"},
    AdapterInfo{"houlsby", "h + A(h) behind attention and behind feed-forward, gelu, near the identity at first"},
    AdapterInfo{"pfeiffer", "h + A(h) behind each block, relu, near the identity at first"},
    AdapterInfo{"parallel", "4 A(x) beside feed-forward, relu, zero at first"},
    AdapterInfo{"ia3", "keys, values and the activation times a vector each, one at first; can be merged"},
};

}  // namespace

std::span<const AdapterInfo> adapters() { return table; }

std::string_view adapter_of(const MethodSettings& settings) {
  return named(table, "adapter", settings.adapter.empty() ? method_named(settings.name).adapter : settings.adapter)
      .name;
}

std::vector<PlacedBranch> branches_of(const MethodSettings& settings, index_t width) {
  using Place = transformer::BranchPlace;
  const std::string_view name = adapter_of(settings);
  pst::require(settings.adapter_width == 0 || (name != "none" && name != "ia3"), "the width of adapters is ",
               settings.adapter_width, ", but there is no bottleneck: choose one with --adapter");
  const auto wide = [&](index_t share) {
    return settings.adapter_width > 0 ? settings.adapter_width : std::max<index_t>(1, width / share);
  };
  if (name == "houlsby") {
    const pst::Bottleneck branch{.width = wide(12), .activation = pst::Activation::gelu_tanh};
    return {{Place::after_attention, branch}, {Place::after_feed_forward, branch}};
  }
  if (name == "pfeiffer")
    return {{Place::after_block, pst::Bottleneck{.width = wide(16), .activation = pst::Activation::relu}}};
  if (name == "parallel")
    return {{Place::beside_feed_forward, pst::Bottleneck{.width = wide(12),
                                                         .scale = 4.0,
                                                         .activation = pst::Activation::relu,
                                                         .start = pst::BottleneckStart::identity}}};
  if (name == "ia3")
    return {{Place::keys, pst::Rescale{}}, {Place::values, pst::Rescale{}}, {Place::activation, pst::Rescale{}}};
  return {};
}

}  // namespace finetune

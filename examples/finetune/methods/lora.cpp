// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/layers.hpp"
#include "finetune/model/body_of.hpp"

namespace finetune::layers {

std::unique_ptr<Body> make_lora(const BodyShape& shape, const MethodSettings& settings, std::uint64_t seed) {
  using Layer = Base::with<WeightScore>::with<pst::LowRank<pst::DynamicRank>>;
  auto options = common_options<Layer>(settings, seed);
  options.importance = {.detached = true};
  options.score_gradient = {pst::ScoreRestAfter{0.0}};  // there are none that learn
  options.delta = low_rank_delta(settings);
  return make_body<Layer>(shape, std::move(options));
}

}  // namespace finetune::layers

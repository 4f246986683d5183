// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/layers.hpp"
#include "finetune/model/body_of.hpp"

namespace finetune::layers {

std::unique_ptr<Body> make_pst(const BodyShape& shape, const MethodSettings& settings, std::uint64_t seed) {
  using Metric = pst::Sum<WeightScore, Score, pst::RowColumnScore>;
  using Layer = Base::with<Metric>::with<pst::LowRank<pst::DynamicRank>>;
  auto options = common_options<Layer>(settings, seed);
  options.importance = {{weight_score(settings), low_rank_score(settings), {.scale = settings.alpha2}}};
  options.delta = low_rank_delta(settings);
  return make_body<Layer>(shape, std::move(options));
}

}  // namespace finetune::layers

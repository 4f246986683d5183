// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/layers.hpp"
#include "finetune/model/body_of.hpp"

namespace finetune::layers {

std::unique_ptr<Body> make_pst_ab(const BodyShape& shape, const MethodSettings& settings, std::uint64_t seed) {
  using Layer = Base::with<pst::Sum<WeightScore, Score>>::with<pst::LowRank<pst::DynamicRank>>;
  auto options = common_options<Layer>(settings, seed);
  options.importance = {{weight_score(settings), low_rank_score(settings)}};
  options.delta = low_rank_delta(settings);
  return make_body<Layer>(shape, std::move(options));
}

}  // namespace finetune::layers

// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/layers.hpp"
#include "finetune/model/body_of.hpp"

namespace finetune::layers {

std::unique_ptr<Body> make_movement(const BodyShape& shape, const MethodSettings& settings, std::uint64_t seed) {
  using Layer = Base::with<pst::Movement>::with<pst::Full>;
  auto options = common_options<Layer>(settings, seed);
  options.importance.start = settings.score_start;
  return make_body<Layer>(shape, std::move(options));
}

}  // namespace finetune::layers

// SPDX-License-Identifier: Apache-2.0
#include "finetune/methods/layers.hpp"
#include "finetune/model/body_of.hpp"

namespace finetune::layers {

std::unique_ptr<Body> make_soft_movement(const BodyShape& shape, const MethodSettings& settings, std::uint64_t seed) {
  using Layer = Base::with<pst::SoftMovement>::with<pst::Full>::with<pst::Threshold>;
  auto options = common_options<Layer>(settings, seed);
  options.importance.penalty = settings.penalty > 0 ? settings.penalty : penalty_for(settings.sparsity);
  options.importance.target_sparsity = settings.sparsity;
  return make_body<Layer>(shape, std::move(options));
}

}  // namespace finetune::layers

// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/fold_branches.hpp"

#include <pst/core/error.hpp>

#include "finetune/export/compressed_body.hpp"

namespace finetune {

namespace {

using transformer::BranchPlace;
using Scale = transformer::RowVector<float>;

Scale scale_of(transformer::Branch<float>& branch) {
  Scale scale;
  branch.for_each_parameter([&](const pst::Parameter<float>& each) { scale = transformer::map(each.value).row(0); });
  return scale;
}

/// Rows of a weight and the bias that belongs to them: outputs are scaled.
void scale_outputs(Layer& layer, index_t first, const Scale& scale) {
  layer.weight.middleRows(first, scale.size()).array().colwise() *= scale.transpose().array();
  layer.bias.middleCols(first, scale.size()).array() *= scale.array();
}

void fold(transformer::Block<float>& block) {
  auto& attention = block.attention;
  const index_t width = attention.output.bias.cols();
  if (attention.on_keys)
    scale_outputs(attention.key ? *attention.key : attention.query, attention.key ? 0 : width,
                  scale_of(*attention.on_keys));
  if (attention.on_values)
    scale_outputs(attention.value ? *attention.value : attention.query, attention.value ? 0 : 2 * width,
                  scale_of(*attention.on_values));
  if (auto& active = block.branches[static_cast<std::size_t>(BranchPlace::activation)]; active)
    block.feed_out.weight.array().rowwise() *= scale_of(*active).array();
}

}  // namespace

std::unique_ptr<Model> without_branches(Model& model) {
  pst::require(!model.virtual_tokens(), "virtual tokens (a ",
               model.virtual_tokens() ? model.virtual_tokens()->name() : "",
               ") are no part of a weight, so neither a folder nor an archive can hold them: write a task file");
  for (const PlacedBranch& each : model.branches()) {
    const bool fits =
        each.place == BranchPlace::keys || each.place == BranchPlace::values || each.place == BranchPlace::activation;
    pst::require(fits && std::holds_alternative<pst::Rescale>(each.policy), "the branch ",
                 transformer::name_of(each.place),
                 " is no part of a weight, so neither a folder nor an archive can hold it: write a task file");
  }
  auto made = densified(model);
  for (auto& block : made->encoder().blocks) fold(block);
  made->remove_branches();
  made->refresh(1.0);
  return made;
}

}  // namespace finetune

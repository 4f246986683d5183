// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/rounding.hpp"

#include <pst/core/error.hpp>
#include <pst/io/elements.hpp>

#include <cstring>
#include <map>
#include <vector>

namespace finetune {

namespace {

std::vector<std::byte> rounded(const Matrix& weight, pst::io::ElementType type) {
  return pst::io::store_floats<float>({weight.data(), static_cast<std::size_t>(weight.size())}, type);
}

}  // namespace

RoundingLoss rounding_loss(Model& model, Model& base, pst::io::ElementType type) {
  RoundingLoss loss;
  std::map<std::string, const Matrix*> before;
  base.for_each_layer([&](Layer& layer) { before[layer.name] = &layer.weight; });
  model.for_each_layer([&](Layer& layer) {
    const auto found = before.find(layer.name);
    pst::require(found != before.end() && found->second->size() == layer.weight.size(), "layer ", layer.name,
                 " is not in the base, or has another shape there: is it the right folder?");
    const Matrix& old = *found->second;
    const std::vector<std::byte> now = rounded(layer.weight, type), then = rounded(old, type);
    const std::size_t bytes = now.size() / static_cast<std::size_t>(old.size());
    for (index_t i = 0; i < old.size(); ++i) {
      if (layer.weight.data()[i] == old.data()[i]) continue;
      const std::size_t at = static_cast<std::size_t>(i) * bytes;
      ++loss.changed;
      loss.lost += std::memcmp(now.data() + at, then.data() + at, bytes) == 0 ? 1 : 0;
    }
  });
  return loss;
}

}  // namespace finetune

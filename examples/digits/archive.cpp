// SPDX-License-Identifier: Apache-2.0
#include "archive.hpp"

#include <pst/serve/sparse_export.hpp>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace digits {

namespace {
constexpr std::string_view bitmask_end = ".bitmask", kept_end = ".kept";
}

void compress(pst::TensorList& list, const std::string& name) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].name != name) continue;
    const index_t rows = list[i].shape.at(0), cols = list[i].shape.at(1);
    const std::vector<float> dense = list[i].values<float>();
    const auto packed = pst::to_bitmask<float>(rows, cols, dense);
    const index_t row_bytes = (cols + 7) / 8;
    list.push_back(pst::Tensor::from<std::uint8_t>(name + std::string{bitmask_end}, {rows, row_bytes}, packed.bitmask));
    list.push_back(pst::Tensor::from<float>(name + std::string{kept_end}, {static_cast<index_t>(packed.value.size())},
                                            packed.value));
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    return;
  }
  pst::fail("no tensor is called ", name);
}

pst::TensorList expanded(const pst::TensorList& list) {
  pst::TensorList dense;
  for (const pst::Tensor& tensor : list) {
    if (tensor.name.ends_with(kept_end)) continue;
    if (!tensor.name.ends_with(bitmask_end)) {
      dense.push_back(tensor);
      continue;
    }
    const std::string name = tensor.name.substr(0, tensor.name.size() - bitmask_end.size());
    const std::vector<float> kept = pst::find(list, name + std::string{kept_end}).values<float>();
    const std::vector<std::uint8_t> bits = tensor.values<std::uint8_t>();
    const index_t rows = tensor.shape.at(0), cols = tensor.shape.at(1) * 8;
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    std::size_t next = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (((bits[i / 8] >> (i % 8)) & 1U) != 0) {
        pst::require(next < kept.size(), "tensor ", name, " keeps ", kept.size(), " weights, its mask has more bits");
        values[i] = kept[next++];
      }
    pst::require(next == kept.size(), "tensor ", name, " keeps ", kept.size(), " weights, its mask has ", next,
                 " bits");
    dense.push_back(pst::Tensor::from<float>(name, {rows, cols}, values));
  }
  return dense;
}

}  // namespace digits

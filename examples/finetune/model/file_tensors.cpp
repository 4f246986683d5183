// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/file_tensors.hpp"

#include <pst/core/error.hpp>
#include <pst/core/float16.hpp>
#include <pst/core/order_key.hpp>
#include <pst/io/elements.hpp>

#include <algorithm>

namespace finetune {

std::map<std::string, FileTensor> file_tensors(Model& model) {
  std::map<std::string, FileTensor> tensors;
  Matrix exported;
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& stored, Layer* layer) {
    if (layer != nullptr) layer->export_weight(exported);
    const Matrix& value = layer != nullptr ? exported : stored;
    FileTensor& tensor = tensors[place.name];
    tensor.is_layer_weight = layer != nullptr;
    tensor.shape = place.shape_in_file(value.rows(), value.cols());
    tensor.values.resize(static_cast<std::size_t>(place.parts * value.size()));
    for (index_t row = 0; row < value.rows(); ++row)
      for (index_t col = 0; col < value.cols(); ++col)
        tensor.values[static_cast<std::size_t>(place.offset(row, col, value.rows(), value.cols()))] = value(row, col);
  });
  return tensors;
}

std::vector<std::byte> stored(const std::string& name, const FileTensor& tensor, pst::io::ElementType type) {
  using pst::io::ElementType;
  const auto holds = [](float value, ElementType in) {
    if (in == ElementType::f16) return pst::is_finite(pst::float_from_f16(pst::f16_from(static_cast<double>(value))));
    if (in == ElementType::bf16)
      return pst::is_finite(pst::float_from_bf16(pst::bf16_from(static_cast<double>(value))));
    return true;
  };
  const auto too_large =
      std::ranges::find_if(tensor.values, [&](float value) { return pst::is_finite(value) && !holds(value, type); });
  if (too_large != tensor.values.end()) {
    const bool in_bf16 =
        std::ranges::all_of(tensor.values, [&](float value) { return holds(value, ElementType::bf16); });
    pst::fail("tensor \"", name, "\" holds ", *too_large, " at element ", too_large - tensor.values.begin(),
              ", which is too large for ", type == ElementType::f16 ? "f16" : "bf16", ": ",
              in_bf16 ? "bf16 and f32 hold it" : "f32 holds it", ", give another --type");
  }
  return pst::io::store_floats<float>(tensor.values, type);
}

void take_part(const TensorPlace& place, const std::vector<float>& tensor, Matrix& value) {
  for (index_t row = 0; row < value.rows(); ++row)
    for (index_t col = 0; col < value.cols(); ++col)
      value(row, col) = tensor[static_cast<std::size_t>(place.offset(row, col, value.rows(), value.cols()))];
}

const char* torch_name(pst::io::ElementType type) {
  switch (type) {
    case pst::io::ElementType::f32: return "float32";
    case pst::io::ElementType::f16: return "float16";
    case pst::io::ElementType::bf16: return "bfloat16";
    default: pst::fail("a model can be saved as F32, F16 or BF16, not as ", pst::io::name_of(type));
  }
}

}  // namespace finetune

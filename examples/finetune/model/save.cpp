// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>
#include <pst/io/atomic_file.hpp>
#include <pst/io/elements.hpp>
#include <pst/io/safetensors_writer.hpp>

#include <map>
#include <vector>

#include "finetune/model/folder.hpp"

namespace finetune {

namespace {

struct Gathered {
  std::vector<index_t> shape;
  std::vector<float> values;
};

/// Every tensor as the file has it; parts of one are put together.
std::map<std::string, Gathered> gather(Model& model) {
  std::map<std::string, Gathered> tensors;
  Matrix exported;
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& stored, LinearLayer* layer) {
    if (layer != nullptr) layer->export_weight(exported);
    const Matrix& value = layer != nullptr ? exported : stored;
    Gathered& tensor = tensors[place.name];
    tensor.shape = place.shape_in_file(value.rows(), value.cols());
    tensor.values.resize(static_cast<std::size_t>(place.parts * value.size()));
    for (index_t row = 0; row < value.rows(); ++row)
      for (index_t col = 0; col < value.cols(); ++col)
        tensor.values[static_cast<std::size_t>(place.offset(row, col, value.rows(), value.cols()))] = value(row, col);
  });
  return tensors;
}

const char* torch_name(pst::io::ElementType type) {
  switch (type) {
    case pst::io::ElementType::f32: return "float32";
    case pst::io::ElementType::f16: return "float16";
    case pst::io::ElementType::bf16: return "bfloat16";
    default: pst::fail("a model can be saved as F32, F16 or BF16, not as ", pst::io::name_of(type));
  }
}

}  // namespace

void save_model(Model& model, const std::filesystem::path& folder, const SaveOptions& options) {
  const std::string config = config_text(model.config(), torch_name(options.type));
  const std::filesystem::path weights = folder / "model.safetensors";
  pst::require(options.overwrite || !std::filesystem::exists(weights), weights.string(),
               ": exists and is not overwritten: choose another folder");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  pst::require(!error, folder.string(), ": cannot be made: ", error.message());

  std::vector<std::vector<std::byte>> bytes;
  std::vector<pst::io::TensorEntry> entries;
  for (auto& [name, tensor] : gather(model)) {
    bytes.push_back(pst::io::store_floats<float>(tensor.values, options.type));
    tensor.values = {};  // a whole model is large
    entries.push_back({name, options.type, tensor.shape, bytes.back()});
  }
  pst::io::write_safetensors(weights, entries);
  pst::io::AtomicFile file{folder / "config.json"};
  file.write(std::as_bytes(std::span{config}));
  file.commit();
}

}  // namespace finetune

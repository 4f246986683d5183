// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>
#include <pst/io/atomic_file.hpp>
#include <pst/io/safetensors_writer.hpp>

#include <vector>

#include "finetune/model/file_tensors.hpp"
#include "finetune/model/folder.hpp"

namespace finetune {

void save_model(Model& model, const std::filesystem::path& folder, const SaveOptions& options) {
  model.refuse_added("a folder");
  const std::string config = config_text(model.config(), torch_name(options.type));
  const std::filesystem::path weights = folder / "model.safetensors";
  pst::require(options.overwrite || !std::filesystem::exists(weights), weights.string(),
               ": exists and is not overwritten: choose another folder");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  pst::require(!error, folder.string(), ": cannot be made: ", error.message());

  std::vector<std::vector<std::byte>> bytes;
  std::vector<pst::io::TensorEntry> entries;
  for (auto& [name, tensor] : file_tensors(model)) {
    bytes.push_back(stored(name, tensor, options.type));
    tensor.values = {};  // a whole model is large
    entries.push_back({name, options.type, tensor.shape, bytes.back()});
  }
  pst::io::write_safetensors(weights, entries);
  pst::io::AtomicFile file{folder / "config.json"};
  file.write(std::as_bytes(std::span{config}));
  file.commit();
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/saved_modules.hpp"

#include <pst/core/error.hpp>

#include <span>

#include "finetune/model/file_tensors.hpp"

namespace finetune {

std::set<std::string> add_saved_modules(Model& model, const SharedBase& base, const char* form,
                                        const std::string& prefix, pst::TensorList& tensors) {
  std::set<std::string> saved;
  for (const std::string& name : trained_tensors(model, base)) {
    const bool is_head = name.starts_with("classifier."), is_pooler = name.find("pooler.dense.") != std::string::npos;
    pst::require(is_head || is_pooler, "tensor ", name, " has trained, which ", form,
                 " does not hold: train with --beside none, or write a task file");
    saved.insert(is_head ? "classifier" : "pooler");
  }
  for (const auto& [name, tensor] : file_tensors(model))
    for (const std::string& module : saved)
      if (("." + name).find("." + module + ".") != std::string::npos)
        tensors.push_back(pst::Tensor::from<float>(prefix + name, tensor.shape, std::span<const float>{tensor.values}));
  return saved;
}

}  // namespace finetune

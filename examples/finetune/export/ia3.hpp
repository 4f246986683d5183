// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "finetune/export/check.hpp"

namespace finetune {

struct Ia3Options {
  std::filesystem::path base{};  ///< the Hugging Face folder that the model was trained from
  bool overwrite = false;
};

/// Writes the scales of a model as an (IA)3 adapter of PEFT, with the head. Query, which is not scaled, has ones where
/// query, key and value are one module.
///
/// It is read again as PEFT would, and compared, before it gets its name. Throws pst::Error when the model has other
/// branches or none, or when something else has trained that such an adapter does not hold.
ExportReport export_ia3(Model& model, const std::filesystem::path& folder, const Ia3Options& options, Probes probes);

}  // namespace finetune

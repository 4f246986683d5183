// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/dense_folder.hpp"

#include "finetune/export/output_folder.hpp"
#include "finetune/model/folder.hpp"

namespace finetune {

ExportReport export_folder(Model& model, const std::filesystem::path& folder, const ExportOptions& options,
                           Probes probes) {
  OutputFolder output{folder, options.overwrite};
  save_model(model, output.path(), {.type = options.type});
  if (!options.base.empty()) copy_tokenizer_files(options.base, output.path());

  const LoadedModel again =
      load_model(output.path(), {.train_embeddings = false, .together = model.encoder().config.together},
                 transformer::dense_layers<float>());
  again.model->refresh(1.0);
  ExportReport report = check_export(model, *again.model, options.type, folder, probes);
  report.bytes = std::filesystem::file_size(output.path() / "model.safetensors");
  output.commit();
  return report;
}

}  // namespace finetune

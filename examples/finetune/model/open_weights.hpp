// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/checkpoint.hpp>

#include <filesystem>

namespace finetune {

/// Opens the weights of a folder: model.safetensors or its shards. Throws pst::Error, with what to do, where there are
/// other files in their place: a pointer of Git LFS, or a pickle of PyTorch.
[[nodiscard]] pst::io::Checkpoint open_weights(const std::filesystem::path& folder);

/// Throws pst::Error when a file is a pointer of Git LFS, which stands for a file that was not downloaded.
void refuse_lfs_pointer(const std::filesystem::path& file);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/open_weights.hpp"

#include <pst/core/error.hpp>

#include <array>
#include <fstream>
#include <string_view>

namespace finetune {

namespace fs = std::filesystem;

namespace {

/// How to make of a pickle what is read here. Tied weights are one storage, which save_file refuses: each is copied.
constexpr const char* conversion =
    "python3 -c \"import glob, torch; from safetensors.torch import save_file; "
    "save_file({n: t.clone().contiguous() for f in glob.glob('pytorch_model*.bin') "
    "for n, t in torch.load(f, map_location='cpu', weights_only=True).items()}, "
    "'model.safetensors', {'format': 'pt'})\"";

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

void refuse_lfs_pointer(const fs::path& file) {
  constexpr std::string_view begin = "version https://git-lfs";
  std::array<char, begin.size()> bytes{};
  std::ifstream{file, std::ios::binary}.read(bytes.data(), bytes.size());
  pst::require(std::string_view{bytes.data(), bytes.size()} != begin, file.string(),
               ": is a pointer of Git LFS, the file itself was not downloaded: run `git lfs pull` in its folder");
}

pst::io::Checkpoint open_weights(const fs::path& folder) {
  const bool is_safe = is_there(folder / "model.safetensors") || is_there(folder / "model.safetensors.index.json");
  if (!is_safe)
    for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
      pst::require(!is_there(folder / name), (folder / name).string(),
                   ": is a Python pickle, which can run code when it is loaded and is therefore not read; convert it "
                   "once, in its folder: ",
                   conversion);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{folder, ignored})
    if (entry.path().extension() == ".safetensors") refuse_lfs_pointer(entry.path());
  return pst::io::Checkpoint::open(folder);
}

}  // namespace finetune

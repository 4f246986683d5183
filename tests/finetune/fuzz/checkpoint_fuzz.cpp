// SPDX-License-Identifier: Apache-2.0
// libFuzzer: weights are a stranger's, in one file or in several with an index. They are read or refused with a
// pst::Error.
#include <pst/io/checkpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "finetune/fuzz/input.hpp"
#include "io/files.hpp"

namespace {

namespace io = pst::io;

/// Every tensor is in the file that holds it, and every element can be read.
void use(const io::TensorTable& table, std::size_t file_bytes) {
  std::size_t bytes = 0;
  for (const io::TensorEntry& entry : table.entries()) {
    bytes += entry.bytes.size();
    if (table.find(entry.name) != &entry) std::abort();
    try {
      const auto values = table.read<float>(entry.name);
      const auto view = table.view<float>(entry.name);
      if (view && view->size() != values.size()) std::abort();
    } catch (const pst::Error&) {}
  }
  if (bytes > file_bytes) std::abort();
}

void use_index(std::string_view data) {
  const auto [index, first, second] = finetune::fuzz::parts_of<3>(data);
  static const io::test::TemporaryDirectory folder;
  io::test::write_text(folder / "model.safetensors.index.json", index);
  io::test::write_text(folder / "a.safetensors", first);
  io::test::write_text(folder / "b.safetensors", second);
  use(io::Checkpoint::open(folder.path()), data.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  try {
    if (bytes[0] % 2 == 0)
      use(io::Safetensors::parse(std::as_bytes(std::span{bytes + 1, size - 1}), "input"), size);
    else
      use_index(finetune::fuzz::text_of(bytes + 1, size - 1));
  } catch (const pst::Error&) {}
  return 0;
}

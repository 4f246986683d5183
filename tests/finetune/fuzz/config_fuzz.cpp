// SPDX-License-Identifier: Apache-2.0
// libFuzzer: a config.json is a stranger's. It is refused with a pst::Error, or read, and then what is written of it is
// read as the same model.
#include <pst/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "finetune/fuzz/input.hpp"
#include "finetune/model/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  finetune::ModelConfig config;
  try {
    config = finetune::parse_config(finetune::fuzz::text_of(bytes, size), "input");
  } catch (const pst::Error&) {
    return 0;
  }
  if (config.width <= 0 || config.heads <= 0 || config.width % config.heads != 0 || config.outputs() <= 0) std::abort();
  const auto again = finetune::parse_config(finetune::config_text(config, "float32"), "what was written");
  if (again.width != config.width || again.blocks != config.blocks || again.labels != config.labels ||
      again.objective != config.objective || again.longest() != config.longest())
    std::abort();
  return 0;
}

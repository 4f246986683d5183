// SPDX-License-Identifier: Apache-2.0
// libFuzzer: the configuration of an adapter is a stranger's. It is read or refused with a pst::Error, and what was
// read answers about any module, in little time.
#include <pst/core/error.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "finetune/export/peft_config.hpp"
#include "finetune/fuzz/input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const finetune::PeftConfig config = finetune::parse_peft_config(finetune::fuzz::text_of(bytes, size), "input");
    if (config.tokens) {
      if (config.tokens->count < 1 || config.tokens->count > 65536) std::abort();
      return 0;
    }
    for (const char* module : {"bert.encoder.layer.1.attention.self.query", "transformer.h.0.mlp.c_proj", ""}) {
      static_cast<void>(config.adapts(module, 1));
      static_cast<void>(config.scales_input(module));
      if (const finetune::index_t rank = config.rank_of(module); rank < 1 || rank > 65536) std::abort();
      if (!std::isfinite(config.scale_of(module))) std::abort();
    }
  } catch (const pst::Error&) {}
  return 0;
}

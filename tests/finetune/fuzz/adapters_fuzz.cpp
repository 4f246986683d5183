// SPDX-License-Identifier: Apache-2.0
// libFuzzer: the configurations of a bottleneck of the library adapters and of its head are a stranger's. They are read
// or refused with a pst::Error; what was read is of sizes that can be made, and what is written of it is read as the
// same. The first byte chooses the file and the base.
#include <pst/core/error.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "finetune/export/adapters_config.hpp"
#include "finetune/fuzz/input.hpp"

namespace {

using namespace finetune;

void expect(bool ok) {
  if (!ok) std::abort();
}

template <class Projection>
void check(const pst::BottleneckOf<Projection>& branch) {
  expect(branch.width >= 1 && branch.width <= 65536 && std::isfinite(branch.scale));
  if constexpr (requires { branch.projection.parts; }) {
    const pst::KroneckerProjection& of = branch.projection;
    expect(of.parts >= 1 && of.rank >= 1 && of.rank <= 65536 && branch.width <= 48 && 48 % of.parts == 0 &&
           branch.width % of.parts == 0);
  }
}
void check(const pst::Rescale&) { std::abort(); }

void try_config(std::string_view text, const ModelConfig& base) {
  const AdaptersConfig config = parse_adapters_config(text, base, "input");
  expect(!config.name.empty() && !config.branches.empty() && config.branches.size() <= 2);
  for (const PlacedBranch& each : config.branches) std::visit([](const auto& branch) { check(branch); }, each.policy);
  const std::string written = adapters_config_text(config, base);
  expect(adapters_config_text(parse_adapters_config(written, base, "what was written"), base) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(bytes + 1, size - 1);
  ModelConfig base;
  base.architecture = static_cast<Architecture>(bytes[0] / 2 % 3);
  base.width = 48;
  base.blocks = 2;
  try {
    if (bytes[0] % 2 == 0)
      try_config(text, base);
    else
      expect(parse_adapters_head(text, base, "input").labels.size() <= size);
  } catch (const pst::Error&) {}
  return 0;
}

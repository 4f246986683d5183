// SPDX-License-Identifier: Apache-2.0
// libFuzzer: the settings of a run may have been changed by hand. They are refused with a pst::Error, or read, and what
// is written of them is read as the same.
#include <pst/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "finetune/fuzz/input.hpp"
#include "finetune/methods/adapters.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/run/settings.hpp"

namespace finetune {

// What a method makes of its settings needs every layer type compiled; tests look at that.
MakeLayer method_layers(const MethodSettings&, std::uint64_t, index_t) { return {}; }
std::vector<std::string_view> adapters_of(const MethodSettings&) { return {}; }
std::optional<PlacedTokens> virtual_tokens_of(const MethodSettings&, index_t) { return {}; }

}  // namespace finetune

namespace {

/// The settings that no one changed, but for one line.
std::string with_line(std::size_t number, std::string_view line) {
  static const std::string text = finetune::settings_text({.task = "sst2"});
  std::size_t begin = 0;
  for (std::size_t i = 0; i < number; ++i) {
    begin = text.find('\n', begin) + 1;
    if (begin == text.size()) begin = 0;
  }
  return text.substr(0, begin) + std::string{line} + text.substr(text.find('\n', begin));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view data = finetune::fuzz::text_of(bytes + 1, size - 1);
  finetune::Settings settings;
  try {
    settings = finetune::parse_settings(bytes[0] == 0 ? std::string{data} : with_line(bytes[0], data), "input");
  } catch (const pst::Error&) {
    return 0;
  }
  const auto again = finetune::parse_settings(finetune::settings_text(settings), "what was written");
  if (!finetune::difference(settings, again).empty()) std::abort();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
// libFuzzer: a tokenizer's files are a stranger's, and so are texts. Either is read or refused with a pst::Error.
#include "finetune/fuzz/input.hpp"
#include "finetune/tokenizer/tokenizer.hpp"
#include "finetune/tokenizer/unicode.hpp"
#include "finetune/tokenizer_files.hpp"

#include <pst/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using finetune::Tokenizer;

void use(const Tokenizer& tokenizer, std::string_view text) {
  for (const std::size_t length : {Tokenizer::no_limit, std::size_t{40}}) {
    const auto pair = tokenizer.encode(text, text.substr(text.size() / 2), length);
    if (pair.ids.size() > length || pair.ids.size() != pair.types.size()) std::abort();
    for (const auto id : pair.ids)
      if (id < 0 || static_cast<std::size_t>(id) >= tokenizer.vocabulary_size()) std::abort();
    static_cast<void>(tokenizer.decode(pair.ids));
  }
}

/// GPT-2's tokens lose nothing of a text.
void use_whole(std::string_view text) {
  static const Tokenizer gpt2 = finetune::load_tokenizer(tokenizer_test::fixtures() / "gpt2");
  static const Tokenizer bert = finetune::load_tokenizer(tokenizer_test::fixtures() / "bert_json");
  if (gpt2.decode(gpt2.tokens_of(text), false) != finetune::unicode::repaired(text)) std::abort();
  use(bert, text);
}

void use_files(const std::vector<std::pair<const char*, std::string_view>>& files, std::string_view text) {
  const tokenizer_test::Folder folder;
  for (const auto& [name, content] : files) folder.write(name, content);
  try {
    use(finetune::load_tokenizer(folder.path()), text);
  } catch (const pst::Error&) {}
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view data = finetune::fuzz::text_of(bytes + 1, size - 1);
  const auto [first, second, text] = finetune::fuzz::parts_of<3>(data);
  switch (bytes[0] % 5) {
    case 0: use_whole(data); break;
    case 1:
      use_files({{"tokenizer.json", first}, {"tokenizer_config.json", second.empty() ? "{}" : second}}, text);
      break;
    case 2: use_files({{"vocab.txt", first}, {"tokenizer_config.json", second.empty() ? "{}" : second}}, text); break;
    case 3: use_files({{"vocab.json", first}, {"merges.txt", second}}, text); break;
    default:
      use_files({{"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n\n"},
                 {"added_tokens.json", first.empty() ? "{}" : first},
                 {"special_tokens_map.json", second.empty() ? "{}" : second}},
                text);
  }
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "finetune/tokenizer/added_tokens.hpp"
#include "finetune/tokenizer/byte_symbols.hpp"
#include "finetune/tokenizer/gpt2_split.hpp"
#include "finetune/tokenizer/tokenizer.hpp"
#include "finetune/tokenizer/unicode.hpp"
#include "finetune/tokenizer_files.hpp"

#include <string>
#include <string_view>
#include <vector>

using finetune::Encoding;
using finetune::TokenId;
using tokenizer_test::fixtures;
using tokenizer_test::Folder;

namespace {

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    words.emplace_back(text.substr(0, finetune::first_gpt2_word(text)));
    text.remove_prefix(words.back().size());
  }
  return words;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("A text is cut where GPT-2's expression cuts it") {
  CHECK(words_of("We've  seen 12foxes!") == Words{"We", "'ve", " ", " seen", " 12", "foxes", "!"});
  CHECK(words_of("a\n\n b \n") == Words{"a", "\n\n", " b", " \n"});
  CHECK(words_of("'sx 'x") == Words{"'s", "x", " '", "x"});
  CHECK(words_of("\u00a0é²²") == Words{"\u00a0", "é", "²²"});
}

TEST_CASE("Every byte has its symbol, and a token with another character stands for itself") {
  std::string bytes;
  std::string symbols;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bytes.push_back(static_cast<char>(byte));
    finetune::unicode::append(symbols, finetune::byte_symbols::of(static_cast<unsigned char>(byte)));
  }
  CHECK(finetune::byte_symbols::bytes_of(symbols) == bytes);
  CHECK(finetune::byte_symbols::bytes_of("Ġa") == " a");
  CHECK(finetune::byte_symbols::bytes_of("Ġ東") == "Ġ東");
}

TEST_CASE("A batch is filled up to its longest encoding and knows the length of each") {
  const std::vector<Encoding> encodings{{{1, 2, 3}, {0, 1, 1}}, {{}, {}}, {{4}, {1}}};
  const auto batch = finetune::padded(encodings, 9);
  CHECK(batch.length == 3);
  CHECK(batch.ids == std::vector<TokenId>{1, 2, 3, 9, 9, 9, 4, 9, 9});
  CHECK(batch.types == std::vector<TokenId>{0, 1, 1, 0, 0, 0, 1, 0, 0});
  CHECK(batch.lengths == std::vector<std::size_t>{3, 0, 1});
  CHECK(finetune::padded({}, 9).length == 0);
}

TEST_CASE("A tokenizer knows its special tokens by their part") {
  const auto bert = finetune::load_tokenizer(fixtures() / "bert");
  CHECK(bert.special().padding == 0);
  CHECK(bert.special().unknown == 1);
  CHECK(bert.special().classifier == 2);
  CHECK(bert.special().separator == 3);
  CHECK(bert.special().mask == 4);
  CHECK(bert.special().begin == finetune::no_token);
  CHECK(bert.id_of("[SEP]") == 3);
  CHECK(bert.id_of("no such token") == finetune::no_token);
  const auto roberta = finetune::load_tokenizer(fixtures() / "roberta_json");
  CHECK(roberta.special().begin == 0);
  CHECK(roberta.special().padding == 1);
  CHECK(roberta.special().end == 2);
  CHECK(roberta.id_of("foo bar") == 626);
  CHECK(roberta.vocabulary_size() == 632);
  const auto gpt2 = finetune::load_tokenizer(fixtures() / "gpt2");
  CHECK(gpt2.special().end == gpt2.id_of("<|endoftext|>"));
  CHECK(gpt2.special().padding == finetune::no_token);
}

TEST_CASE("tokenizer_config.json is followed where tokenizer.json says something else") {
  const Folder folder{"bert_json"};
  const auto lower = finetune::load_tokenizer(folder.path());
  CHECK(lower.tokens_of("THE CAFÉ") == lower.tokens_of("the cafe"));
  folder.write("tokenizer_config.json", R"({"do_lower_case": false, "strip_accents": true, "pad_token": "[MASK]"})");
  const auto cased = finetune::load_tokenizer(folder.path());
  CHECK(cased.tokens_of("THE CAFÉ") == cased.tokens_of("THE CAFE"));
  CHECK(cased.tokens_of("THE") != cased.tokens_of("the"));
  CHECK(cased.special().padding == 4);
}

TEST_CASE("Tokens that only tokenizer_config.json adds are found, and may be wanted as special") {
  const Folder folder{"gpt2"};
  folder.write("tokenizer_config.json",
               R"({"pad_token": "<pad>", "additional_special_tokens": ["<x>"], "added_tokens_decoder": {
                  "900": {"content": "<pad>", "special": true}, "901": {"content": "<x>", "special": true, "lstrip": true}}})");
  const auto tokenizer = finetune::load_tokenizer(folder.path());
  CHECK(tokenizer.special().padding == 900);
  CHECK(tokenizer.vocabulary_size() == 902);
  const std::vector<TokenId> ids = tokenizer.tokens_of("<pad>a  <x>");
  CHECK(ids == std::vector<TokenId>{900, tokenizer.id_of("a"), 901});
  CHECK(tokenizer.decode(ids) == "a");
  CHECK(tokenizer.decode(ids, false) == "<pad>a<x>");
}

TEST_CASE("Line ends of Windows make no other vocabulary") {
  const Folder folder{"bert"};
  const auto unix_lines = finetune::load_tokenizer(folder.path());
  std::string text = pst::io::test::read_text(folder.path() / "vocab.txt");
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2)) text.insert(at, "\r");
  folder.write("vocab.txt", text);
  const auto windows_lines = finetune::load_tokenizer(folder.path());
  CHECK(windows_lines.vocabulary_size() == unix_lines.vocabulary_size());
  CHECK(windows_lines.encode("the dog").ids == unix_lines.encode("the dog").ids);
}

TEST_CASE("Blank lines at the end of vocab.txt ask for no rows of an embedding") {
  const Folder folder{"bert"};
  const auto before = finetune::load_tokenizer(folder.path());
  folder.write("vocab.txt", pst::io::test::read_text(folder.path() / "vocab.txt") + "\n\n");
  const auto tokenizer = finetune::load_tokenizer(folder.path());
  CHECK(tokenizer.vocabulary_size() == before.vocabulary_size());
  CHECK(tokenizer.encode("the dog").ids == before.encode("the dog").ids);
}

TEST_CASE("A special token behind the vocabulary asks for a row only where every text has it") {
  const Folder folder{"bert"};
  const auto rows = finetune::load_tokenizer(folder.path()).embedding_rows();
  CHECK(rows == 620);
  folder.write("special_tokens_map.json", R"({"pad_token": "<pad>"})");
  const auto padded = finetune::load_tokenizer(folder.path());
  CHECK(padded.special().padding == 620);
  CHECK(padded.embedding_rows() == rows);
  folder.write("special_tokens_map.json", R"({"pad_token": "<pad>", "cls_token": "<c>"})");
  CHECK(finetune::load_tokenizer(folder.path()).embedding_rows() == 622);
  folder.write("special_tokens_map.json", "{}");
  folder.write("added_tokens.json", R"({"word": 620})");
  CHECK(finetune::load_tokenizer(folder.path()).embedding_rows() == 621);
}

TEST_CASE("The last of two equal lines of vocab.txt counts, as in Python's dictionary") {
  const Folder folder{"bert"};
  folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\nb\na\n");
  const auto tokenizer = finetune::load_tokenizer(folder.path());
  CHECK(tokenizer.tokens_of("a b") == std::vector<TokenId>{5, 4});
}

TEST_CASE("A word, white space or marks of a megabyte take no quadratic time") {
  const std::size_t size = 1000000;
  std::string marks = "a";
  for (std::size_t i = 0; i < size / 4; ++i) marks += "\u0301\u0323";
  const auto bert = finetune::load_tokenizer(fixtures() / "bert");
  const auto gpt2 = finetune::load_tokenizer(fixtures() / "gpt2");
  for (const std::string& text :
       {std::string(size, 'e'), std::string(size, ' ').append("a"), std::string(size, '\''), marks}) {
    CHECK(bert.tokens_of(text).size() <= size);
    CHECK(gpt2.decode(gpt2.tokens_of(text)) == text);
  }
}

TEST_CASE("Decoding passes over ids without a token") {
  const auto tokenizer = finetune::load_tokenizer(fixtures() / "gpt2");
  CHECK(tokenizer.decode(std::vector<TokenId>{-1, 100000, tokenizer.id_of("a")}) == "a");
}

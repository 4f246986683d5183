// SPDX-License-Identifier: Apache-2.0
#include "pst/io/strict_json.hpp"

#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

using namespace std::string_view_literals;

std::string json_refusal(std::string_view text) {
  return error_of([&] { return strict_json(text, "the text", 3); });
}

TEST_CASE("plain JSON parses, with white space around it") {
  CHECK(strict_json(" \n\t{\"a\":[1,{}]}\r ", "the text", 3)["a"][0] == 1);
  CHECK(strict_json("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", "the text", 3).is_string());
}

TEST_CASE("a key may not be given twice at any level") {
  CHECK(json_refusal(R"({"a":1,"b":2,"a":3})") == "the text gives the key \"a\" twice");
  CHECK(json_refusal(R"({"o":{"a":1,"a":1}})") == "the text gives the key \"a\" twice");
  CHECK(json_refusal(R"([[{"a":1,"\u0061":1}]])") == "the text gives the key \"a\" twice");
  CHECK(json_refusal(R"({"a":{"a":1},"b":{"a":1}})").empty());
}

TEST_CASE("nesting is bounded without recursion") {
  CHECK(json_refusal("[[[]]]").empty());
  CHECK(json_refusal("[[[[]]]]") == "the text is nested more than 3 levels deep");
  CHECK(json_refusal(R"({"a":{"b":{"c":{}}}})") == "the text is nested more than 3 levels deep");
  CHECK(json_refusal(std::string(1'000'000, '[')) == "the text is nested more than 3 levels deep");
}

TEST_CASE("text that is not UTF-8 is refused") {
  for (const auto text : {"\"\xFF\"", "\"\x80\"", "\"\xC0\xAF\"", "\"\xC3\"", "\"\xE0\x80\xAF\"", "\"\xED\xA0\x80\"",
                          "\"\xF0\x80\x80\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xF8\x88\x80\x80\x80\"", "\xE2\x82"})
    CHECK(json_refusal(text) == "the text is not UTF-8");
}

TEST_CASE("what other parsers let pass is refused") {
  CHECK(json_refusal("\xEF\xBB\xBF{}") == "the text begins with a byte order mark, which JSON forbids");
  CHECK(json_refusal("{}\0garbage"sv) == "the text contains a zero byte, which JSON forbids");
  for (const auto text : {"", " ", "{", "{}{}", "{} x", "{'a':1}", "{\"a\":1,}", "{a:1}", "// c\n{}", "{\"a\":01}",
                          "{\"a\":NaN}", "{\"a\":1e999}", "\"\\ud800\"", "\"\n\"", "\f{}", "\xC2\xA0{}"})
    CHECK(contains(json_refusal(text), "the text is not JSON: it goes wrong at byte "));
}

TEST_CASE("a refusal does not repeat a long or unprintable text") {
  const std::string key = "\\u001b[31m" + std::string(100'000, 'k');
  const std::string error = json_refusal("{\"" + key + "\":1,\"" + key + "\":1}");
  CHECK(contains(error, "?[31mkkk"));
  CHECK(error.size() < 200);
}

}  // namespace
}  // namespace pst::io::test

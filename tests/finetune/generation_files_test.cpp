// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "finetune/task_files.hpp"

namespace finetune::test {
namespace {

using namespace std::string_literals;
using Sentences = std::vector<std::string>;

TaskData e2e(std::string_view text, TaskPart part = TaskPart::train, std::string_view name = "a.txt") {
  return read_as("e2e", text, part, name);
}
std::string csv_error(std::string_view text, TaskPart part = TaskPart::train) {
  return error_as("e2e", text, part, "a.CSV");
}

TEST_CASE("E2E lines are grouped by meaning, wherever they are") {
  const auto data = e2e("name : A | area : b||A is in b . \r\nname : C||C .\nname : A | area : b|| In b is A .");
  REQUIRE(data.meanings.size() == 2);
  CHECK(data.meanings[0].text == "name : A | area : b");
  CHECK(data.meanings[0].references == Sentences{"A is in b .", "In b is A ."});
  CHECK(data.meanings[1].references == Sentences{"C ."});
}

TEST_CASE("bad E2E lines are refused by number") {
  const auto error = [](std::string_view text) { return error_as("e2e", text, TaskPart::train, "a.txt"); };
  CHECK(contains(error("m||s\nno bars\n"), "a.txt line 2: is \"no bars\", expected meaning||sentence"));
  CHECK(contains(error("m||\n"), "line 1: is \"m||\", expected a meaning, one || and a sentence"));
  CHECK(contains(error(" ||s\n"), "expected a meaning"));
  CHECK(contains(error("m||a||b\n"), "one ||"));
  CHECK(contains(error(""), "holds no meanings"));
  CHECK(contains(error("m||a\0b"s), "zero byte"));
}

TEST_CASE("E2E's original table is read with its quotation marks") {
  const auto data =
      e2e("mr,ref\n\"name[A], food[b]\",\"A, the \"\"best\"\",\nserves b.\"\n\"name[A], food[b]\",Plain.\n",
          TaskPart::train, "trainset.csv");
  REQUIRE(data.meanings.size() == 1);
  CHECK(data.meanings[0].text == "name[A], food[b]");
  CHECK(data.meanings[0].references == Sentences{"A, the \"best\",\nserves b.", "Plain."});
  const auto test = e2e("MR\n\"name[A]\"\nname[B]", TaskPart::test, "testset.csv");
  CHECK(test.meanings.size() == 2);
  CHECK_FALSE(test.labelled);
}

TEST_CASE("bad E2E tables are refused by line") {
  CHECK(contains(csv_error("mr,ref\n\"a,b\nc\n"), "line 2: a quotation mark is opened and never closed"));
  CHECK(contains(csv_error("mr,ref\n\"a\"x,b\n"), "line 2: expected a comma or the end of the line behind"));
  CHECK(contains(csv_error("mr,ref\na,b,c\n"), "line 2: ends a row of 3 columns, expected 2"));
  CHECK(contains(csv_error("mr,ref\na,\n"), "line 2: has no sentence in the column ref"));
  CHECK(contains(csv_error("mr,ref\n,a\n"), "line 2: has no meaning"));
  CHECK(contains(csv_error("mr\na\n"), "line 1: is \"mr\", expected a header with the columns mr and ref"));
  CHECK(contains(csv_error(""), "holds no meanings"));
  std::string endless = "mr,ref\n\"";
  for (int i = 0; i < 3; ++i) endless += std::string(500'000, 'x') + "\n";
  CHECK(contains(csv_error(endless), "line 2: has a field above 1048576 bytes, is a quotation mark missing?"));
}

const std::string triple = R"({"subject":"Aarhus","property":"leaderName","object":"Jacob"})";

std::string webnlg_entry(std::string_view triples, std::string_view sentences) {
  return R"({"7":{"category":"City","modifiedtripleset":[)" + std::string{triples} + R"(],"lexicalisations":[)" +
         std::string{sentences} + "]}}";
}
TaskData webnlg(const std::string& entries, TaskPart part = TaskPart::train) {
  return read_as("webnlg", R"({"entries":[)" + entries + "]}", part, "a.json");
}

TEST_CASE("WebNLG's good sentences are read, with the triples as the meaning") {
  const auto data = webnlg(webnlg_entry(triple + "," + triple, R"({"comment":"good","lex":"One."},
      {"comment":"toFix","lex":"Two."},{"comment":"good","lex":" Three. "})") +
                           "," + webnlg_entry(triple, R"({"comment":"bad","lex":"x"})") + "," +
                           webnlg_entry(triple + "," + triple, R"({"comment":"good","lex":"Four."})"));
  REQUIRE(data.meanings.size() == 1);
  CHECK(data.meanings[0].text == "Aarhus : leaderName : Jacob | Aarhus : leaderName : Jacob");
  CHECK(data.meanings[0].references == Sentences{"One.", "Three.", "Four."});
  CHECK(data.skipped == 1);
  CHECK(contains(data.first_skipped, "a.json, entries 2: has no sentence that can be used"));
  CHECK_FALSE(webnlg(webnlg_entry(triple, ""), TaskPart::test).labelled);
}

TEST_CASE("WebNLG of later years has comments that are empty and sentences of several languages") {
  const auto data = webnlg(webnlg_entry(triple, R"({"comment":"","lang":"en","lex":"One."},
      {"comment":"good","lang":"ru","lex":"Два."},{"lang":"","lex":"Three."},{"comment":"toFix","lang":"en","lex":"x"})"));
  REQUIRE(data.meanings.size() == 1);
  CHECK(data.meanings[0].references == Sentences{"One.", "Three."});
}

TEST_CASE("DART is read with its relations in lower case") {
  const auto data = read_as("dart", R"([{"tripleset":[["A","IS_IN","B"],["B","ÀT","C"]],
      "annotations":[{"source":"x","text":"A is in B."},{"text":"B too."}],"subtree_was_extended":false}])",
                            TaskPart::train, "a.json");
  REQUIRE(data.meanings.size() == 1);
  CHECK(data.meanings[0].text == "A : is_in : B | B : àt : C");
  CHECK(data.meanings[0].references == Sentences{"A is in B.", "B too."});
}

TEST_CASE("bad WebNLG and DART files are refused by entry") {
  const auto bad = [](const std::string& entries) { return error_of([&] { return webnlg(entries); }); };
  CHECK(contains(bad("{}"), "a.json, entries 1: expected an object with one member"));
  CHECK(contains(bad(R"({"1":5})"), "entries 1: has no \"modifiedtripleset\""));
  CHECK(contains(bad(webnlg_entry(R"({"subject":1,"property":"p","object":"o"})", "")),
                 "entries 1, modifiedtripleset 1, subject: is number, expected a string"));
  CHECK(contains(bad(webnlg_entry("", "")), "entries 1: has no triples"));
  CHECK(contains(bad(webnlg_entry(triple, R"({"comment":"good"})")), "lexicalisations 1: has no \"lex\""));
  CHECK(contains(bad(webnlg_entry(triple, R"({"comment":1,"lex":"x"})")), "comment: is number, expected a string"));
  CHECK(contains(bad(""), "holds no meanings"));
  const auto dart = [](std::string_view text) { return error_as("dart", text, TaskPart::train, "a.json"); };
  CHECK(contains(dart("{}"), "a.json: entry: is object, expected a list"));
  CHECK(contains(dart(R"([{"tripleset":[["a","b"]],"annotations":[]}])"), "entry 1, tripleset 1: has 2 elements"));
  CHECK(contains(dart(""), "is empty, expected JSON"));
  CHECK(contains(dart("[1"), "is not JSON"));
  CHECK(contains(dart("[1,\xFF]"), "is not UTF-8"));
  CHECK(contains(dart("[\0]"s), "zero byte"));
  CHECK(contains(dart(std::string(100'000, '[')), "nested more than 16 levels"));
}

}  // namespace
}  // namespace finetune::test

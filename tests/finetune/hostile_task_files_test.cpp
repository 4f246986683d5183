// SPDX-License-Identifier: Apache-2.0
#include <random>

#include <doctest/doctest.h>

#include "finetune/task_files.hpp"

namespace finetune::test {
namespace {

struct Sample {
  const char* task;
  const char* file;
  const char* text;
};

const Sample samples[] = {
    {"sst2", "a.tsv", "sentence\tlabel\na good film\t1\r\nbad\t0\n"},
    {"cola", "a.tsv", "gj04\t1\t\tThey said \"no\".\ngj04\t0\t*\tThe dog bark.\n"},
    {"qqp", "a.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\ta?\tb?\t1\n"},
    {"stsb", "a.tsv", "index\tsentence1\tsentence2\tscore\n0\ta\tb\t3.25\n"},
    {"e2e", "a.txt", "name : A | area : b||A is in b . \nname : C||Caf\xC3\xA9 .\n"},
    {"e2e", "a.csv", "mr,ref\n\"name[A], food[b]\",\"A, the \"\"best\"\",\nserves b.\"\nx,y\n"},
    {"webnlg", "a.json",
     R"({"entries":[{"1":{"modifiedtripleset":[{"subject":"a","property":"b","object":"c"}],)"
     R"("lexicalisations":[{"comment":"good","lex":"A."}]}}]})"},
    {"dart", "a.json", R"([{"tripleset":[["A","IS","B"]],"annotations":[{"text":"A is B."}]}])"},
    {"text", "a.txt", "one\ntwo\xE2\x80\xA6\n"},
};

/// `text` with up to four bytes changed, removed, doubled or replaced by a sign that a format knows.
std::string damaged(std::string text, std::mt19937& random) {
  constexpr std::string_view signs{"\t\n\r\",|{}[]:\\\0\xFF\xEF-", 16};
  const std::size_t changes = 1 + random() % 4;
  for (std::size_t i = 0; i < changes && !text.empty(); ++i) {
    const std::size_t at = random() % text.size();
    switch (random() % 4) {
      case 0: text[at] = static_cast<char>(random() % 256); break;
      case 1: text.erase(at, 1 + random() % 8); break;
      case 2: text.insert(at, text.substr(at, 1 + random() % 8)); break;
      default: text[at] = signs[random() % signs.size()];
    }
  }
  return text;
}

TEST_CASE("damaged task files are read or refused with a sentence, and never crash") {
  std::mt19937 random{5};
  const TemporaryDirectory folder;
  for (const Sample& sample : samples) {
    std::size_t refused = 0;
    const auto path = folder / sample.file;
    for (int round = 0; round < 400; ++round) {
      write_text(path, damaged(sample.text, random));
      const auto part = round % 2 == 0 ? TaskPart::train : TaskPart::test;
      // Whatever is thrown but pst::Error ends the test.
      const auto error = error_of([&] { return read_task_file(find_task(sample.task), path, part); });
      refused += error.empty() ? 0 : 1;
      CHECK((error.empty() || contains(error, path.string())));
    }
    CHECK(refused > 0);
    CHECK(refused < 400);
  }
}

TEST_CASE("what is no regular file is refused") {
  const TemporaryDirectory folder;
  CHECK(contains(error_of([&] { return read_task_file(find_task("sst2"), folder.path(), TaskPart::dev); }),
                 "is not a regular file"));
  CHECK(contains(error_of([&] { return read_task_file(find_task("sst2"), folder / "none", TaskPart::dev); }),
                 "cannot be opened for reading"));
}

}  // namespace
}  // namespace finetune::test

// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "finetune/task_files.hpp"

namespace finetune::test {
namespace {

using namespace std::string_literals;

const std::string sst2 = "sentence\tlabel\n";

TEST_CASE("SST-2 is read with either column first") {
  const auto usual = read_as("sst2", sst2 + "a good film\t1\nbad\t0\n");
  const auto swapped = read_as("sst2", "label\tcontent\n1\ta good film\n0\tbad");  // no line end at the end
  for (const auto* data : {&usual, &swapped}) {
    REQUIRE(data->examples.size() == 2);
    CHECK(data->labelled);
    CHECK(data->examples[0].first == "a good film");
    CHECK(data->examples[0].second.empty());
    CHECK(data->examples[0].label == 1);
    CHECK(data->examples[1].label == 0);
  }
}

TEST_CASE("a column that is there twice, under one name or two, is refused") {
  CHECK(contains(error_as("sst2", "sentence\tcontent\tlabel\na\tb\t1\n"),
                 "line 1: has the columns \"sentence\" and \"content\", expected one of them"));
  CHECK(contains(error_as("sst2", "sentence\tlabel\tlabel\na\t0\t1\n"),
                 "line 1: has the columns \"label\" and \"label\", expected one of them"));
}

TEST_CASE("CoLA is read without a header, and its test file with one") {
  const auto data = read_as("cola", "gj04\t1\t\tThey said \"no\".\ngj04\t0\t*\tThe dog \"bark.\n");
  REQUIRE(data.examples.size() == 2);
  CHECK(data.examples[0].first == "They said \"no\".");
  CHECK(data.examples[0].label == 1);
  CHECK(data.examples[1].first == "The dog \"bark.");
  CHECK(data.examples[1].label == 0);
  const auto test = read_as("cola", "index\tsentence\n0\tBill ran.\n", TaskPart::test);
  CHECK_FALSE(test.labelled);
  CHECK(test.examples.at(0).first == "Bill ran.");
  CHECK(test.examples.at(0).label == -1);
  CHECK(contains(error_as("cola", "a\tb\n"), "line 1: has no column \"sentence\""));
}

TEST_CASE("quotation marks are text, not quotes") {
  const auto data = read_as("rte", "index\tsentence1\tsentence2\tlabel\n0\t\"open\tan \"\"odd\" one\"\tentailment\n");
  CHECK(data.examples.at(0).first == "\"open");
  CHECK(data.examples.at(0).second == "an \"\"odd\" one\"");
  CHECK(data.examples.at(0).label == 0);
}

TEST_CASE("each GLUE pair finds its columns") {
  const auto mrpc = read_as("mrpc", "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tone\ttwo\r\n");
  CHECK(mrpc.examples.at(0).first == "one");
  CHECK(mrpc.examples.at(0).second == "two");
  CHECK(mrpc.examples.at(0).label == 1);
  const auto qnli = read_as("qnli", "index\tquestion\tsentence\tlabel\n0\twhy?\tso\tnot_entailment\n");
  CHECK(qnli.examples.at(0).first == "why?");
  CHECK(qnli.examples.at(0).label == 1);
  const auto qqp = read_as("qqp", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\ta?\tb?\t1\n");
  CHECK(qqp.examples.at(0).second == "b?");
  const auto test = read_as("qqp", "id\tquestion1\tquestion2\n0\ta?\tb?\n", TaskPart::test);
  CHECK(test.examples.at(0).second == "b?");
  CHECK_FALSE(test.labelled);
}

TEST_CASE("MNLI numbers its three classes and skips rows without a majority") {
  const auto data = read_as("mnli",
                            "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\ta\tb\tneutral\tcontradiction\n"
                            "1\tc\td\tneutral\t-\n2\te\tf\tneutral\tneutral\n3\tg\th\tneutral\tentailment\n");
  REQUIRE(data.examples.size() == 3);
  CHECK(data.examples[0].label == 2);
  CHECK(data.examples[1].label == 1);
  CHECK(data.examples[2].label == 0);
  CHECK(data.skipped == 1);
  CHECK(contains(data.first_skipped, "line 3: has the label \"-\""));
}

TEST_CASE("GLUE is read with the columns and class numbers of the Hugging Face hub") {
  const auto mnli =
      read_as("mnli", "premise\thypothesis\tlabel\tidx\na\tb\t0\t7\nc\td\t1\t9\ne\tf\t-1\t10\ng\th\t2\t11\n");
  REQUIRE(mnli.examples.size() == 3);
  CHECK(mnli.examples[0].first == "a");
  CHECK(mnli.examples[0].second == "b");
  CHECK(mnli.examples[2].label == 2);
  CHECK(mnli.examples[1].row == "9");
  CHECK(mnli.skipped == 1);
  const auto rte = read_as("rte", "sentence1\tsentence2\tlabel\tidx\na\tb\t1\t0\nc\td\tentailment\t1\n");
  CHECK(rte.examples.at(0).label == 1);
  CHECK(rte.examples.at(1).label == 0);
  const auto mrpc = read_as("mrpc", "sentence1\tsentence2\tlabel\tidx\na\tb\t1\t0\n");
  CHECK(mrpc.examples.at(0).second == "b");
  CHECK(read_as("qqp", "question1\tquestion2\tlabel\tidx\na\tb\t1\t0\n").examples.at(0).label == 1);
  CHECK(read_as("qnli", "question\tsentence\tlabel\tidx\na\tb\t0\t0\n").examples.at(0).label == 0);
  CHECK(read_as("stsb", "sentence1\tsentence2\tlabel\tidx\na\tb\t2.5\t0\n").examples.at(0).score == 2.5);
  for (const char* task : {"mnli", "rte"}) {
    const std::string header =
        task == std::string{"mnli"} ? "premise\thypothesis\tlabel\tidx\n" : "sentence1\tsentence2\tlabel\n";
    const std::string end = task == std::string{"mnli"} ? "\t0\n" : "\n";
    CHECK_FALSE(read_as(task, header + "a\tb\t-1" + end + "c\td\t-1" + end, TaskPart::test).labelled);
    CHECK(contains(error_as(task, header + "a\tb\t-1" + end + "c\td\t0" + end, TaskPart::test),
                   "1 of 2 rows have the label -1, which stands for none: expected all or none of them"));
    CHECK(contains(error_as(task, header + "a\tb\t5" + end), "or the number of a class from 0"));
  }
  CHECK_FALSE(read_as("stsb", "sentence1\tsentence2\tlabel\na\tb\t-1.0\n", TaskPart::test).labelled);
  const auto csv = read_as("sst2", "sentence,label,idx\n\"a, \"\"b\"\"\",1,0\nc,0,1\n", TaskPart::train, "train.csv");
  REQUIRE(csv.examples.size() == 2);
  CHECK(csv.examples[0].first == "a, \"b\"");
  CHECK(csv.examples[1].label == 0);
}

TEST_CASE("rows have the number that the file gives them, or else are counted with those that are skipped") {
  const auto mnli = read_as("mnli", "sentence1\tsentence2\tgold_label\na\tb\tneutral\nc\td\t-\n\ne\tf\tneutral\n");
  REQUIRE(mnli.examples.size() == 2);
  CHECK(mnli.examples[0].row == "0");
  CHECK(mnli.examples[1].row == "2");
  CHECK(read_as("qqp", "id\tquestion1\tquestion2\n12\ta?\tb?\n", TaskPart::test).examples.at(0).row == "12");
  CHECK(read_as("cola", "gj04\t1\t\tA.\ngj04\t0\t*\tB.\n").examples.at(1).row == "1");
}

TEST_CASE("STS-B is read as numbers from 0 to 5") {
  const std::string header = "index\tsentence1\tsentence2\tscore\n";
  const auto data = read_as("stsb", header + "0\ta\tb\t5.000\n1\ta\tb\t0\n2\ta\tb\t3.25\n");
  CHECK(data.examples.at(0).score == 5.0);
  CHECK(data.examples.at(1).score == 0.0);
  CHECK(data.examples.at(2).score == 3.25);
  for (const char* bad : {"", "nan", "inf", "-1", "5.1", "3x", "1e999", "0x1", " 3", "+3"}) {
    CAPTURE(bad);
    CHECK(contains(error_as("stsb", header + "0\ta\tb\t" + bad + "\n"), "line 2: has the score"));
  }
}

TEST_CASE("rows of QQP with a wrong number of columns are skipped, but only few") {
  std::string text = "question1\tquestion2\tis_duplicate\n";
  for (int i = 0; i < 2500; ++i) text += i == 100 || i == 200 ? "torn\n" : "a\tb\t0\n";
  const auto data = read_as("qqp", text);
  CHECK(data.examples.size() == 2498);
  CHECK(data.skipped == 2);
  CHECK(contains(data.first_skipped, "line 102: has 1 columns"));
  CHECK(contains(error_as("qqp", text + "a\tb\nc\nd\n"), "5 of 2503 rows do not have the 3 columns of line 1"));
}

TEST_CASE("errors in tab-separated files name the file, the line and what was expected") {
  CHECK(contains(error_as("sst2", sst2 + "good\t2\n"), "file.tsv line 2: has the label \"2\", expected one of 0, 1"));
  CHECK(contains(error_as("sst2", sst2 + "good\t\n"), "line 2: has the label \"\""));
  CHECK(contains(error_as("sst2", sst2 + "a\t1\n\nb\n"), "line 4: has 1 columns, expected 2 as in line 1"));
  CHECK(contains(error_as("sst2", sst2 + "a\t1\t\n"), "line 2: has 3 columns"));
  CHECK(contains(error_as("sst2", "text\tlabel\na\t1\n"),
                 "line 1: has no column \"sentence\" or \"content\", which sst2 needs; it begins with \"text?label\""));
  CHECK(contains(error_as("sst2", "sentence\na\n"), "has no column \"label\""));
  CHECK(contains(error_as("rte", "sentence1\tlabel\na\tentailment\n", TaskPart::test), "has no column \"sentence2\""));
}

TEST_CASE("empty and hostile tab-separated files are refused with a sentence") {
  CHECK(contains(error_as("sst2", ""), "file.tsv: is empty, expected the rows of sst2"));
  CHECK(contains(error_as("sst2", "\xEF\xBB\xBF"), "is empty"));
  CHECK(contains(error_as("sst2", "\n\r\n"), "is empty"));
  CHECK(contains(error_as("sst2", sst2), "has no usable rows"));
  CHECK(contains(error_as("sst2", sst2 + "a\0b\t1\n"s), "line 2: holds a zero byte"));
  CHECK(contains(error_as("sst2", sst2 + "caf\xE9\t1\n"), "line 2: is not UTF-8"));
  CHECK(contains(error_as("sst2", "\xFF\xFEs\0e\0"s), "line 1: holds a zero byte"));
  CHECK(contains(error_as("sst2", sst2 + std::string((1 << 20) + 1, 'x') + "\t1\n"),
                 "line 2: has 1048579 bytes, expected at most 1048576"));
  CHECK(contains(error_as("sst2", sst2 + std::string(1 << 20, '\t')), "line 2: has 1048577 columns"));
  CHECK(contains(error_as("sst2", sst2 + "a\t" + std::string(5000, '1') + "\n").substr(0, 400), "1111..."));
}

TEST_CASE("line ends may be of either kind, the last one missing, and lone CRs are text") {
  const auto data = read_as("sst2", "sentence\tlabel\r\nta\rta\t1\r\nb\t0\n\r\nc\t1\r");
  REQUIRE(data.examples.size() == 3);
  CHECK(data.examples[0].first == "ta\rta");
  CHECK(data.examples[2].label == 1);
}

}  // namespace
}  // namespace finetune::test

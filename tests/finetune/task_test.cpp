// SPDX-License-Identifier: Apache-2.0
#include "finetune/tasks/task.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "finetune/task_files.hpp"
#include "finetune/tasks/scores.hpp"

namespace finetune::test {
namespace {

TEST_CASE("the table names twelve tasks, each with files, metrics and what its kind needs") {
  CHECK(tasks().size() == 12);
  std::set<std::string_view> names;
  for (const Task& task : tasks()) {
    CAPTURE(task.name);
    CHECK(names.insert(task.name).second);
    CHECK(&find_task(task.name) == &task);
    const bool has_classes = task.kind == TaskKind::single || task.kind == TaskKind::pair;
    CHECK(has_classes == (task.labels.size() >= 2));
    CHECK((task.format == TaskFormat::tab_separated) == !task.columns.label.empty());
    CHECK((task.kind == TaskKind::pair || task.kind == TaskKind::regression) == !task.columns.second.empty());
    CHECK_FALSE(task.metrics.empty());
    for (const auto* files : {&task.train, &task.dev, &task.test}) {
      CHECK_FALSE(files->empty());
      for (const TaskFile& file : *files) CHECK_FALSE(file.names.empty());
    }
  }
  CHECK(contains(error_of([] { return find_task("sst-2").name; }),
                 "no task \"sst-2\", expected one of cola, sst2, mrpc"));
}

TEST_CASE("every task's metrics can be computed, in the table's order") {
  const std::vector<int> classes{1, 0, 1};
  const std::vector<double> numbers{1, 2, 3};
  const std::vector<Generated> sentences{{"a b c d e", {"a b c d e"}}, {"f g h i j", {"f g h i j"}}};
  for (const Task& task : tasks()) {
    CAPTURE(task.name);
    const auto scores = task.kind == TaskKind::regression   ? score_numbers(task, numbers, numbers)
                        : task.kind == TaskKind::generation ? score_sentences(task, sentences)
                        : task.kind == TaskKind::text       ? score_text(task, 6, 3)
                                                            : score_labels(task, classes, classes);
    REQUIRE(scores.size() == task.metrics.size());
    for (std::size_t i = 0; i < scores.size(); ++i) CHECK(scores[i].name == task.metrics[i]);
    if (task.kind != TaskKind::generation && task.kind != TaskKind::text)
      for (const Score& score : scores) CHECK(score.value == doctest::Approx(1.0));
  }
  CHECK(score_text(find_task("text"), 6, 3)[0].value == doctest::Approx(std::exp(2.0)));
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(contains(error_of([&] { return score_text(find_task("text"), nan, 3); }),
                 "perplexity: the loss of 3 tokens is nan"));
  CHECK(contains(error_of([&] { return score_labels(find_task("stsb"), classes, classes); }),
                 "stsb reports pearson, which is no metric of classes"));
}

TEST_CASE("a folder's files are found by the names of the table, each set of MNLI on its own") {
  const TemporaryDirectory folder;
  const std::string text = "sentence1\tsentence2\tgold_label\na\tb\tneutral\n";
  write_text(folder / "dev_matched.tsv", text);
  const Task& mnli = find_task("mnli");
  CHECK(contains(error_of([&] { return load_task(mnli, folder.path(), TaskPart::dev); }),
                 "has no file dev_mismatched.tsv or validation_mismatched.tsv or validation_mismatched.csv, "
                 "expected the files of mnli"));
  write_text(folder / "dev_mismatched.tsv", text + "c\td\tentailment\n");
  const auto dev = load_task(mnli, folder.path(), TaskPart::dev);
  REQUIRE(dev.size() == 2);
  CHECK(dev[0].title == "matched");
  CHECK(dev[1].title == "mismatched");
  CHECK(dev[1].examples.size() == 2);
  CHECK(contains(error_of([&] { return load_task(mnli, folder / "none", TaskPart::dev); }), "is not a folder"));
  CHECK(contains(error_of([&] { return load_task(find_task("e2e"), folder.path(), TaskPart::train); }),
                 "has no file train.txt or trainset.csv"));
}

TEST_CASE("running text is a folder of files, or one file whose last tenth is kept for testing") {
  const TemporaryDirectory folder;
  const Task& task = find_task("text");
  write_text(folder / "train.txt", "\xEF\xBB\xBFone\r\ntwo");
  CHECK(load_task(task, folder.path(), TaskPart::train).at(0).text == "one\ntwo");
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "line " + std::to_string(i) + "\n";
  write_text(folder / "all", lines);
  const auto train = load_task(task, folder / "all", TaskPart::train).at(0).text;
  const auto dev = load_task(task, folder / "all", TaskPart::dev).at(0).text;
  CHECK(train + dev == lines);
  CHECK(dev.starts_with("line 9"));
  CHECK(std::count(dev.begin(), dev.end(), '\n') <= 11);
  write_text(folder / "short", "only one line");
  CHECK(contains(error_of([&] { return load_task(task, folder / "short", TaskPart::dev); }),
                 "its last tenth holds no text"));
  write_text(folder / "blank", " \n");
  CHECK(contains(error_of([&] { return load_task(task, folder / "blank", TaskPart::train); }), "holds no text"));
}

/// The folder of a task's real files, or nothing, which is said.
std::filesystem::path real_files(const std::string& task) {
  const std::filesystem::path folder = std::filesystem::path{PST_DATA} / task;
  if (std::string_view{PST_DATA}.empty() || !std::filesystem::is_directory(folder)) {
    MESSAGE("skipped: no files of ", task, " (CMake variable PST_DATA)");
    return {};
  }
  return folder;
}

TEST_CASE("the real SST-2 and RTE are read whole") {
  if (const auto folder = real_files("sst2"); !folder.empty()) {
    const auto train = load_task(find_task("sst2"), folder, TaskPart::train).at(0);
    CHECK(train.examples.size() == 67349);
    CHECK(std::count_if(train.examples.begin(), train.examples.end(), [](const auto& e) { return e.label == 1; }) ==
          37569);
    CHECK(load_task(find_task("sst2"), folder, TaskPart::dev).at(0).examples.size() == 872);
  }
  if (const auto folder = real_files("rte"); !folder.empty()) {
    CHECK(load_task(find_task("rte"), folder, TaskPart::train).at(0).examples.size() == 2490);
    const auto dev = load_task(find_task("rte"), folder, TaskPart::dev).at(0);
    CHECK(dev.examples.size() == 277);
    CHECK(std::count_if(dev.examples.begin(), dev.examples.end(), [](const auto& e) { return e.label == 0; }) == 146);
  }
}

TEST_CASE("the real E2E is read whole, and its references score well against one another") {
  const auto folder = real_files("e2e");
  if (folder.empty()) return;
  const auto dev = load_task(find_task("e2e"), folder, TaskPart::dev).at(0);
  const auto test = load_task(find_task("e2e"), folder, TaskPart::test).at(0);
  const auto sentences = [](const TaskData& data) {
    std::size_t count = 0;
    for (const Meaning& meaning : data.meanings) count += meaning.references.size();
    return count;
  };
  CHECK(dev.meanings.size() == 547);
  CHECK(test.meanings.size() == 630);
  CHECK(sentences(dev) == 4672);
  CHECK(sentences(test) == 4693);
  std::vector<Generated> last_as_text;
  for (const Meaning& meaning : test.meanings)
    if (meaning.references.size() > 1)
      last_as_text.push_back({meaning.references.back(), {meaning.references.begin(), meaning.references.end() - 1}});
  const auto scores = score_sentences(find_task("e2e"), last_as_text);
  CHECK(scores.at(0).value > 0.3);
  CHECK(scores.at(0).value < 0.9);
}

}  // namespace
}  // namespace finetune::test

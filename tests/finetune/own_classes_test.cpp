// SPDX-License-Identifier: Apache-2.0
#include "finetune/tasks/own_classes.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "finetune/task_files.hpp"

namespace finetune::test {
namespace {

using Names = std::vector<std::string>;

TEST_CASE("the labels of a training file are the classes of a task of one's own, numbers in their order") {
  const TemporaryDirectory folder;
  write_text(folder / "train.tsv", "label\tsentence\n10\ta\n2\tb\nbad\tc\n2\td\n");
  const std::string name = with_own_labels("sentences", folder.path());
  CHECK(name == "sentences:2,10,bad");
  const Task& task = find_task(name);
  CHECK(&task == &find_task(std::string{name}));
  CHECK(task.name == name);
  CHECK(task.kind == TaskKind::single);
  REQUIRE(task.labels.size() == 3);
  CHECK(task.labels[2].name == "bad");
  const auto train = load_task(task, folder.path(), TaskPart::train).at(0);
  REQUIRE(train.examples.size() == 4);
  CHECK(train.examples[0].label == 1);
  CHECK(train.examples[0].first == "a");
  CHECK(train.examples[1].label == 0);
  CHECK(train.examples[2].label == 2);

  // Labels that are numbers are no places in the list, and the names that a model has do as well.
  write_text(folder / "dev.tsv", "label\tsentence\n1\ta\n");
  CHECK(contains(error_of([&] { return load_task(task, folder.path(), TaskPart::dev); }),
                 "dev.tsv line 2: has the label \"1\", expected one of 2, 10, bad"));
  CHECK(with_own_labels("sentences", Names{"no", "yes"}) == "sentences:no,yes");
  CHECK(with_own_labels("sentences:a,b", Names{"no", "yes"}) == "sentences:a,b");
  CHECK(with_own_labels("sst2", folder.path()) == "sst2");
}

TEST_CASE("pairs of one's own have two sentences, from commas as well") {
  const TemporaryDirectory folder;
  write_text(folder / "train.csv", "sentence1,sentence2,label\n\"a, b\",c,no\nd,e,yes\n");
  const Task& task = find_task(with_own_labels("pairs", folder.path()));
  CHECK(task.name == "pairs:no,yes");
  const auto train = load_task(task, folder.path(), TaskPart::train).at(0);
  CHECK(train.examples.at(0).first == "a, b");
  CHECK(train.examples.at(1).second == "e");
}

TEST_CASE("what names no classes is refused") {
  CHECK(contains(error_of([] { return find_task("sentences").name; }), "is named without its classes"));
  CHECK(contains(error_of([] { return find_task("pairs:a").name; }), "has one label, expected at least two"));
  CHECK(contains(error_of([] { return find_task("pairs:a,b,a").name; }), "has the label \"a\" twice"));
  CHECK(contains(error_of([] { return find_task("pairs:a,,b").name; }), "has an empty label"));
  CHECK(contains(error_of([] { return find_task("sentencesx").name; }), "or sentences or pairs for files"));
  const TemporaryDirectory folder;
  const auto refused = [&](const std::string& rows) {
    write_text(folder / "train.tsv", rows);
    return error_of([&] { return with_own_labels("sentences", folder.path()); });
  };
  CHECK(contains(refused("sentence\tlabel\na\tx\nb\tx\n"), "all rows have the label \"x\""));
  CHECK(contains(refused("sentence\tlabel\na\tx,y\nb\tz\n"), "have no commas"));
  CHECK(contains(refused("sentence\tlabel\na\t\nb\tz\n"), "expected labels that are not empty"));
  CHECK(contains(refused("sentence\tlabel\na\n"), "line 2: has 1 columns, expected 2"));
  CHECK(contains(refused("sentence\tlabel\n"), "has no rows below its header"));
  CHECK(contains(refused("sentence\tclass\na\tx\n"), "has no column \"label\""));
  std::string many = "sentence\tlabel\n";
  for (std::size_t i = 0; i <= most_classes; ++i) many += "a\t" + std::to_string(i) + ".5\n";
  CHECK(contains(refused(many), "line 1002: has another label, \"1000.5\", than the 1000 before it"));
}

}  // namespace
}  // namespace finetune::test

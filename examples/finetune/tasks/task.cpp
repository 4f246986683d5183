// SPDX-License-Identifier: Apache-2.0
#include "task.hpp"

#include <pst/core/error.hpp>

#include <string>

#include "own_classes.hpp"

namespace finetune {
namespace {

// The classes are numbered as in the GLUE of Hugging Face's datasets, so that models that were trained there fit, and
// so that its files are read, which have these numbers.
const std::vector<Label> entailment{{"entailment", "entailment"}, {"not_entailment", "not_entailment"}};

// The second and later names are those of the same data on the Hugging Face hub, as it is saved from there.
const std::vector<TaskFile> train_tsv{{.names = {"train.tsv", "train.csv"}}};
const std::vector<TaskFile> dev_tsv{{.names = {"dev.tsv", "validation.tsv", "dev.csv", "validation.csv"}}};
const std::vector<TaskFile> test_tsv{{.names = {"test.tsv", "test.csv"}}};

const std::vector<std::string_view> generation_metrics{"bleu", "nist", "rouge_l", "cider"};

std::vector<Task> single_sentences() {
  return {
      {.name = "cola",
       .kind = TaskKind::single,
       .labels = {{"0", "unacceptable"}, {"1", "acceptable"}},
       .columns = {.first = {"sentence"}, .label = {"label"}, .headerless = HeaderlessColumns{4, 3, 1}},
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"matthews"}},
      {.name = "sst2",
       .kind = TaskKind::single,
       .labels = {{"0", "negative"}, {"1", "positive"}},
       .columns = {.first = {"sentence", "content"}, .label = {"label"}},
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"accuracy"}},
  };
}

std::vector<Task> pairs_of_sentences() {
  return {
      {.name = "mrpc",
       .kind = TaskKind::pair,
       .labels = {{"0", "not_equivalent"}, {"1", "equivalent"}},
       .columns = {.first = {"#1 String", "sentence1"},
                   .second = {"#2 String", "sentence2"},
                   .label = {"Quality", "label"}},
       .train = {{.names = {"train.tsv", "msr_paraphrase_train.txt", "train.csv"}}},
       .dev = dev_tsv,
       .test = {{.names = {"test.tsv", "msr_paraphrase_test.txt", "test.csv"}}},
       .metrics = {"f1", "accuracy"}},
      {.name = "rte",
       .kind = TaskKind::pair,
       .labels = entailment,
       .columns = {.first = {"sentence1"}, .second = {"sentence2"}, .label = {"label"}},
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"accuracy"}},
      {.name = "qnli",
       .kind = TaskKind::pair,
       .labels = entailment,
       .columns = {.first = {"question"}, .second = {"sentence"}, .label = {"label"}},
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"accuracy"}},
      {.name = "qqp",
       .kind = TaskKind::pair,
       .labels = {{"0", "not_duplicate"}, {"1", "duplicate"}},
       .columns = {.first = {"question1"}, .second = {"question2"}, .label = {"is_duplicate", "label"}},
       .has_broken_rows = true,
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"f1", "accuracy"}},
      {.name = "mnli",
       .kind = TaskKind::pair,
       .labels = {{"entailment", "entailment"}, {"neutral", "neutral"}, {"contradiction", "contradiction"}},
       .columns = {.first = {"sentence1", "premise"},
                   .second = {"sentence2", "hypothesis"},
                   .label = {"gold_label", "label"}},
       .unusable_label = "-",
       .train = train_tsv,
       .dev = {{"matched", {"dev_matched.tsv", "validation_matched.tsv", "validation_matched.csv"}},
               {"mismatched", {"dev_mismatched.tsv", "validation_mismatched.tsv", "validation_mismatched.csv"}}},
       .test = {{"matched", {"test_matched.tsv", "test_matched.csv"}},
                {"mismatched", {"test_mismatched.tsv", "test_mismatched.csv"}}},
       .metrics = {"accuracy"}},
      {.name = "stsb",
       .kind = TaskKind::regression,
       .columns = {.first = {"sentence1"}, .second = {"sentence2"}, .label = {"score", "label"}},
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"pearson", "spearman"}},
  };
}

std::vector<Task> generations() {
  return {
      {.name = "e2e",
       .kind = TaskKind::generation,
       .format = TaskFormat::e2e,
       .train = {{.names = {"train.txt", "trainset.csv"}}},
       .dev = {{.names = {"valid.txt", "devset.csv"}}},
       .test = {{.names = {"test.txt", "testset_w_refs.csv", "testset.csv"}}},
       .metrics = generation_metrics},
      {.name = "webnlg",
       .kind = TaskKind::generation,
       .format = TaskFormat::webnlg,
       .train = {{.names = {"train.json"}}},
       .dev = {{.names = {"dev.json"}}},
       .test = {{.names = {"test.json"}}},
       .metrics = generation_metrics},
      {.name = "dart",
       .kind = TaskKind::generation,
       .format = TaskFormat::dart,
       .train = {{.names = {"dart-v1.1.1-full-train.json", "train.json"}}},
       .dev = {{.names = {"dart-v1.1.1-full-dev.json", "dev.json"}}},
       .test = {{.names = {"dart-v1.1.1-full-test.json", "test.json"}}},
       .metrics = generation_metrics},
      {.name = "text",
       .kind = TaskKind::text,
       .format = TaskFormat::plain,
       .train = {{.names = {"train.txt"}}},
       .dev = {{.names = {"valid.txt", "dev.txt"}}},
       .test = {{.names = {"test.txt"}}},
       .metrics = {"perplexity"}},
  };
}

}  // namespace

const std::vector<Task>& tasks() {
  static const std::vector<Task> table = [] {
    std::vector<Task> made;
    for (const auto& some : {single_sentences(), pairs_of_sentences(), generations()})
      made.insert(made.end(), some.begin(), some.end());
    return made;
  }();
  return table;
}

const Task& find_task(std::string_view name) {
  if (is_own_task(name)) return own_task(name);
  std::string known;
  for (const Task& task : tasks()) {
    if (task.name == name) return task;
    known.append(known.empty() ? "" : ", ").append(task.name);
  }
  pst::fail("there is no task \"", name.substr(0, 40), "\", expected one of ", known,
            ", or sentences or pairs for files with classes of your own");
}

}  // namespace finetune

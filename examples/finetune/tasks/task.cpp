// SPDX-License-Identifier: Apache-2.0
#include "task.hpp"

#include <pst/core/error.hpp>

#include <string>

namespace finetune {
namespace {

// The classes are numbered as in the GLUE of Hugging Face's datasets, so that models that were trained there fit.
const std::vector<Label> entailment{{"entailment", "entailment"}, {"not_entailment", "not_entailment"}};

const std::vector<TaskFile> train_tsv{{.names = {"train.tsv"}}};
const std::vector<TaskFile> dev_tsv{{.names = {"dev.tsv"}}};
const std::vector<TaskFile> test_tsv{{.names = {"test.tsv"}}};

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
       .columns = {.first = {"#1 String"}, .second = {"#2 String"}, .label = {"Quality"}},
       .train = {{.names = {"train.tsv", "msr_paraphrase_train.txt"}}},
       .dev = dev_tsv,
       .test = {{.names = {"test.tsv", "msr_paraphrase_test.txt"}}},
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
       .columns = {.first = {"question1"}, .second = {"question2"}, .label = {"is_duplicate"}},
       .has_broken_rows = true,
       .train = train_tsv,
       .dev = dev_tsv,
       .test = test_tsv,
       .metrics = {"f1", "accuracy"}},
      {.name = "mnli",
       .kind = TaskKind::pair,
       .labels = {{"entailment", "entailment"}, {"neutral", "neutral"}, {"contradiction", "contradiction"}},
       .columns = {.first = {"sentence1"}, .second = {"sentence2"}, .label = {"gold_label"}},
       .unusable_label = "-",
       .train = train_tsv,
       .dev = {{"matched", {"dev_matched.tsv"}}, {"mismatched", {"dev_mismatched.tsv"}}},
       .test = {{"matched", {"test_matched.tsv"}}, {"mismatched", {"test_mismatched.tsv"}}},
       .metrics = {"accuracy"}},
      {.name = "stsb",
       .kind = TaskKind::regression,
       .columns = {.first = {"sentence1"}, .second = {"sentence2"}, .label = {"score"}},
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
  std::string known;
  for (const Task& task : tasks()) {
    if (task.name == name) return task;
    known.append(known.empty() ? "" : ", ").append(task.name);
  }
  pst::fail("there is no task \"", name.substr(0, 40), "\", expected one of ", known);
}

}  // namespace finetune

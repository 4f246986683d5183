// SPDX-License-Identifier: Apache-2.0
#include "own_classes.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "text_lines.hpp"

namespace finetune {
namespace {

constexpr std::string_view one_sentence = "sentences", two_sentences = "pairs";

/// A name, and the task whose texts point into it.
struct Owned {
  std::string name;
  Task task;
};

std::vector<Label> labels_of(std::string_view name) {
  const std::size_t colon = name.find(':');
  pst::require(colon != std::string_view::npos, "the task ", name, " is named without its classes, expected ", name,
               ":LABEL,LABEL,... with the labels of the files");
  std::vector<Label> labels;
  for (std::string_view rest = name.substr(colon + 1);;) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view label = rest.substr(0, end);
    pst::require(!label.empty(), "the task ", name.substr(0, 80), " has an empty label, expected LABEL,LABEL,...");
    for (const Label& other : labels)
      pst::require(other.name != label, "the task ", name.substr(0, 80), " has the label ", quoted(label),
                   " twice, expected each once");
    labels.push_back({label, label});
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  pst::require(labels.size() >= 2, "the task ", name.substr(0, 80), " has one label, expected at least two");
  return labels;
}

}  // namespace

Task unlabelled_task(std::string_view name) {
  const bool is_pair = name.starts_with(two_sentences);
  return {.name = name,
          .kind = is_pair ? TaskKind::pair : TaskKind::single,
          .columns = {.first = is_pair ? std::vector<std::string_view>{"sentence1", "text1"}
                                       : std::vector<std::string_view>{"sentence", "text"},
                      .second = is_pair ? std::vector<std::string_view>{"sentence2", "text2"}
                                        : std::vector<std::string_view>{},
                      .label = {"label"}},
          .labels_by_number = false,
          .train = {{.names = {"train.tsv", "train.csv"}}},
          .dev = {{.names = {"dev.tsv", "validation.tsv", "dev.csv", "validation.csv"}}},
          .test = {{.names = {"test.tsv", "test.csv"}}},
          .metrics = {"accuracy"}};
}

bool is_own_task(std::string_view name) {
  const std::string_view kind = name.substr(0, name.find(':'));
  return kind == one_sentence || kind == two_sentences;
}

const Task& own_task(std::string_view name) {
  static std::map<std::string, Owned, std::less<>> known;  // a node stays where it is
  if (const auto found = known.find(name); found != known.end()) return found->second.task;
  const std::vector<Label> checked = labels_of(name);
  Owned& owned = known[std::string{name}];
  owned.name = name;
  owned.task = unlabelled_task(owned.name);
  owned.task.labels = labels_of(owned.name);
  return owned.task;
}

std::string with_own_labels(std::string_view name, const std::vector<std::string>& labels) {
  std::string named{name};
  if (!is_own_task(name) || name.find(':') != std::string_view::npos) return named;
  for (std::size_t i = 0; i < labels.size(); ++i) named.append(i == 0 ? ":" : ",").append(labels[i]);
  return named;
}

}  // namespace finetune

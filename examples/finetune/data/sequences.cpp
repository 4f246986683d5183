// SPDX-License-Identifier: Apache-2.0
#include "finetune/data/sequences.hpp"

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "finetune/model/label_order.hpp"

namespace finetune {

namespace {

constexpr float no_value = std::numeric_limits<float>::quiet_NaN();

Objective objective_of(TaskKind kind) {
  switch (kind) {
    case TaskKind::single:
    case TaskKind::pair: return Objective::classification;
    case TaskKind::regression: return Objective::regression;
    default: return Objective::language_model;
  }
}

const char* name_of(Objective objective) {
  switch (objective) {
    case Objective::classification: return "a choice between labels";
    case Objective::regression: return "one number";
    default: return "the next token";
  }
}

/// Encodes the examples of one task for one model.
class Encoder {
 public:
  Encoder(const Tokenizer& tokenizer, const ModelConfig& config, index_t max_length)
      : tokenizer_{tokenizer}, longest_{std::min(max_length, config.longest())}, types_{config.types} {
    pst::require(longest_ >= shortest_max_length, "sequences are cut to ", longest_, " tokens, expected at least ",
                 shortest_max_length);
  }

  [[nodiscard]] std::vector<Sequence> examples(const Task& task, const TaskData& data) const {
    std::vector<Sequence> made;
    made.reserve(data.examples.size());
    for (const Example& example : data.examples) {
      const auto most = static_cast<std::size_t>(longest_);
      Encoding encoding = task.columns.second.empty() ? tokenizer_.encode(example.first, most)
                                                      : tokenizer_.encode(example.first, example.second, most);
      check_types(encoding.types);
      made.push_back({.ids = std::move(encoding.ids),
                      .types = std::move(encoding.types),
                      .label = example.label,
                      .value = data.labelled ? static_cast<float>(example.score) : no_value});
    }
    return made;
  }

  [[nodiscard]] std::vector<Sequence> meanings(const TaskData& data) const {
    std::vector<Sequence> made;
    for (const Meaning& meaning : data.meanings) {
      const std::vector<TokenId> given = prompt_of(meaning, tokenizer_);
      if (static_cast<index_t>(given.size()) >= longest_) continue;
      for (const std::string& reference : meaning.references) {
        Sequence sequence{.ids = given, .prompt = static_cast<index_t>(given.size())};
        const std::vector<TokenId> said = tokenizer_.tokens_of(' ' + reference);
        sequence.ids.insert(sequence.ids.end(), said.begin(), said.end());
        sequence.ids.push_back(given.back());
        sequence.ids.resize(std::min(sequence.ids.size(), static_cast<std::size_t>(longest_)));
        made.push_back(std::move(sequence));
      }
    }
    return made;
  }

  [[nodiscard]] std::vector<Sequence> pieces(const std::string& text) const {
    const std::vector<TokenId> ids = tokenizer_.tokens_of(text);
    const auto most = static_cast<std::size_t>(longest_);
    std::vector<Sequence> made;
    for (std::size_t first = 0; first + 1 < ids.size(); first += most) {
      const std::span piece = std::span{ids}.subspan(first, std::min(most, ids.size() - first));
      made.push_back({.ids = {piece.begin(), piece.end()}, .prompt = 0});
    }
    return made;
  }

 private:
  void check_types(std::span<const TokenId> types) const {
    for (const TokenId type : types)
      pst::require(type >= 0 && type < types_, "the tokenizer gives a token the type ", type, ", the model has ",
                   types_, " types: are these the tokenizer files of this model?");
  }

  const Tokenizer& tokenizer_;
  index_t longest_, types_;
};

}  // namespace

void check_fits(const Task& task, const Tokenizer& tokenizer, const ModelConfig& config) {
  const Objective asked = objective_of(task.kind);
  pst::require(config.objective == asked, "the task ", task.name, " asks for ", name_of(asked), ", the model gives ",
               name_of(config.objective), ": choose another model or task");
  pst::require(asked != Objective::classification || config.labels.size() == task.labels.size(), "the task ", task.name,
               " has ", task.labels.size(), " labels, the model has ", config.labels.size(),
               ": train --new-head makes a head for the task");
  pst::require(tokenizer.embedding_rows() <= static_cast<std::size_t>(config.vocabulary),
               "the tokenizer has ids up to ", tokenizer.embedding_rows() - 1, ", the model has embeddings for ",
               config.vocabulary, " tokens: are these the tokenizer files of this model?");
}

std::vector<std::string> label_names(const Task& task) {
  std::vector<std::string> names;
  for (const Label& label : task.labels) names.emplace_back(label.name);
  if (task.kind == TaskKind::regression) names.emplace_back("score");
  return names;
}

std::vector<std::size_t> outputs_of_classes(const Task& task, std::span<const std::string> labels) {
  if (auto order = label_order(label_names(task), labels)) return *std::move(order);
  std::vector<std::size_t> as_they_stand(labels.size());
  std::iota(as_they_stand.begin(), as_they_stand.end(), std::size_t{0});
  return as_they_stand;
}

std::string other_labels(const Task& task, std::span<const std::string> labels) {
  const auto says_nothing = [](const std::string& name) {
    return name.starts_with("LABEL_") || name.find_first_not_of("0123456789") == std::string::npos;
  };
  const std::vector<std::string> wanted = label_names(task);
  if (labels.size() != task.labels.size() || std::ranges::all_of(labels, says_nothing) || label_order(wanted, labels))
    return {};
  std::string own, tasks;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    own.append(i == 0 ? "" : ", ").append(pst::io::printable(labels[i]));
    tasks.append(i == 0 ? "" : ", ").append(wanted[i]);
  }
  return "the labels of the model are " + own + ", those of " + std::string{task.name} + " are " + tasks;
}

std::vector<Sequence> encode(const Task& task, const TaskData& data, const Tokenizer& tokenizer,
                             const ModelConfig& config, index_t max_length) {
  check_fits(task, tokenizer, config);
  const Encoder encoder{tokenizer, config, max_length};
  std::vector<Sequence> made = task.kind == TaskKind::generation ? encoder.meanings(data)
                               : task.kind == TaskKind::text     ? encoder.pieces(data.text)
                                                                 : encoder.examples(task, data);
  pst::require(!made.empty(), "the data of the task ", task.name, " has no sequences",
               task.kind == TaskKind::generation ? ": there are no references, or no meaning leaves room for one" : "");
  return made;
}

std::vector<int> prompt_of(const Meaning& meaning, const Tokenizer& tokenizer) {
  const TokenId end = tokenizer.special().end;
  pst::require(end != no_token, "the tokenizer has no end token, which stands behind a meaning and a reference");
  std::vector<TokenId> given = tokenizer.tokens_of(meaning.text);
  given.push_back(end);
  return given;
}

std::vector<std::vector<std::size_t>> batches_of_like_length(std::span<const Sequence> sequences, std::size_t batch) {
  pst::require(batch > 0, "a batch has 0 sequences, expected at least 1");
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return sequences[i].ids.size(); });
  std::vector<std::vector<std::size_t>> batches;
  for (std::size_t first = 0; first < order.size(); first += batch) {
    const std::span some = std::span{order}.subspan(first, std::min(batch, order.size() - first));
    batches.emplace_back(some.begin(), some.end());
  }
  return batches;
}

SequenceBatch::SequenceBatch(std::span<const Sequence> sequences, std::span<const std::size_t> which, int padding) {
  bool has_types = false, foresees = false;
  for (const std::size_t i : which) {
    tokens_ = std::max(tokens_, sequences[i].length());
    has_types = has_types || !sequences[i].types.empty();
    foresees = foresees || sequences[i].prompt >= 0;
  }
  const auto grow = [&](std::vector<int>& all, std::span<const int> own, int filler) {
    all.insert(all.end(), own.begin(), own.end());
    all.resize(lengths_.size() * static_cast<std::size_t>(tokens_), filler);
  };
  for (const std::size_t i : which) {
    const Sequence& sequence = sequences[i];
    lengths_.push_back(sequence.length());
    counted_ += sequence.counted();
    grow(ids_, sequence.ids, padding);
    if (has_types) grow(types_, sequence.types, 0);
    values_.push_back(sequence.value);
    taught_.insert(taught_.end(), sequence.taught.begin(), sequence.taught.end());
    if (!foresees) {
      labels_.push_back(sequence.label);
      continue;
    }
    const std::size_t begin = labels_.size();
    grow(labels_, sequence.ids, Targets::ignored);
    const auto given = static_cast<std::size_t>(std::clamp<index_t>(sequence.prompt, 0, sequence.length()));
    std::fill_n(labels_.begin() + static_cast<std::ptrdiff_t>(begin), given, Targets::ignored);
  }
}

}  // namespace finetune

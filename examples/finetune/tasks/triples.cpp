// SPDX-License-Identifier: Apache-2.0
#include <pst/io/strict_json.hpp>

#include <string>

#include "finetune/metrics/sentences.hpp"
#include "readers.hpp"
#include "text_lines.hpp"

namespace finetune {
namespace {

using Json = nlohmann::json;

/// A value in a file, with the words that say where it is.
class Node {
 public:
  Node(const Json& value, std::string place) : value_{&value}, place_{std::move(place)} {}

  [[nodiscard]] Node at(const char* key) const {
    pst::require(value_->is_object() && value_->contains(key), place_, ": has no \"", key,
                 "\", expected an object with it");
    return {(*value_)[key], place_ + ", " + key};
  }
  [[nodiscard]] std::string text_or_empty(const char* key) const {
    return value_->is_object() && value_->contains(key) ? at(key).text() : std::string{};
  }
  [[nodiscard]] Node element(std::size_t i) const { return {(*value_)[i], place_ + ' ' + std::to_string(i + 1)}; }
  [[nodiscard]] std::size_t size_of_list() const {
    pst::require(value_->is_array(), place_, ": is ", value_->type_name(), ", expected a list");
    return value_->size();
  }
  [[nodiscard]] const std::string& text() const {
    pst::require(value_->is_string(), place_, ": is ", value_->type_name(), ", expected a string");
    return value_->get_ref<const std::string&>();
  }
  /// The value of the only member of an object.
  [[nodiscard]] Node only_member() const {
    pst::require(value_->is_object() && value_->size() == 1, place_,
                 ": expected an object with one member, its number");
    return {value_->begin().value(), place_};
  }
  [[nodiscard]] const std::string& place() const noexcept { return place_; }

 private:
  const Json* value_;
  std::string place_;
};

Json parsed(const TextFile& file) {
  // A value takes far more memory than its text.
  constexpr std::size_t most = std::size_t{1} << 28;
  pst::require(file.text().size() <= most, file.name(), ": has ", file.text().size(), " bytes, expected at most ", most,
               ": is it a task's file?");
  pst::require(!trimmed(file.text()).empty(), file.name(), ": is empty, expected JSON");
  return pst::io::strict_json(file.text(), file.name(), 16);
}

void append_triple(std::string& meaning, std::string_view subject, std::string_view relation, std::string_view object) {
  if (!meaning.empty()) meaning += " | ";
  meaning.append(subject).append(" : ").append(relation).append(" : ").append(object);
}

/// Adds the sentences that are not blank to a meaning; an entry that has none is skipped.
void add(TaskData& data, MeaningGroups& groups, const Node& entry, const std::string& meaning,
         const std::vector<std::string>& sentences, TaskPart part) {
  pst::require(!meaning.empty(), entry.place(), ": has no triples, expected at least one");
  if (!sentences.empty() || part == TaskPart::test) {
    auto& references = groups[meaning].references;
    references.insert(references.end(), sentences.begin(), sentences.end());
  } else if (data.skipped++ == 0) {
    data.first_skipped = entry.place() + ": has no sentence that can be used";
  }
}

void finish(TaskData& data, const TextFile& file) {
  pst::require(!data.meanings.empty(), file.name(), ": holds no meanings, expected some");
  for (const Meaning& meaning : data.meanings) data.labelled = data.labelled && !meaning.references.empty();
}

void append_unless_blank(std::vector<std::string>& sentences, const std::string& sentence) {
  if (!trimmed(sentence).empty()) sentences.emplace_back(trimmed(sentence));
}

/// The files of later years leave comments empty and have sentences of several languages.
bool is_usable(const Node& lexicalisation) {
  const std::string comment = lexicalisation.text_or_empty("comment"), language = lexicalisation.text_or_empty("lang");
  return (comment.empty() || comment == "good") && (language.empty() || language == "en");
}

}  // namespace

TaskData read_webnlg(const std::filesystem::path& path, TaskPart part) {
  const TextFile file{path};
  const Json json = parsed(file);
  const Node entries = Node{json, file.name()}.at("entries");
  TaskData data;
  MeaningGroups groups{data.meanings};
  for (std::size_t i = 0; i < entries.size_of_list(); ++i) {
    const Node entry = entries.element(i).only_member();
    const Node triples = entry.at("modifiedtripleset");
    std::string meaning;
    for (std::size_t t = 0; t < triples.size_of_list(); ++t) {
      const Node triple = triples.element(t);
      append_triple(meaning, triple.at("subject").text(), triple.at("property").text(), triple.at("object").text());
    }
    const Node written = entry.at("lexicalisations");
    std::vector<std::string> sentences;
    for (std::size_t s = 0; s < written.size_of_list(); ++s)
      if (const Node one = written.element(s); is_usable(one)) append_unless_blank(sentences, one.at("lex").text());
    add(data, groups, entry, meaning, sentences, part);
  }
  finish(data, file);
  return data;
}

TaskData read_dart(const std::filesystem::path& path, TaskPart part) {
  const TextFile file{path};
  const Json json = parsed(file);
  const Node entries{json, file.name() + ": entry"};
  TaskData data;
  MeaningGroups groups{data.meanings};
  for (std::size_t i = 0; i < entries.size_of_list(); ++i) {
    const Node entry = entries.element(i);
    const Node triples = entry.at("tripleset");
    std::string meaning;
    for (std::size_t t = 0; t < triples.size_of_list(); ++t) {
      const Node triple = triples.element(t);
      pst::require(triple.size_of_list() == 3, triple.place(), ": has ", triple.size_of_list(),
                   " elements, expected subject, relation and object");
      append_triple(meaning, triple.element(0).text(), lower_case(triple.element(1).text()), triple.element(2).text());
    }
    const Node written = entry.at("annotations");
    std::vector<std::string> sentences;
    for (std::size_t s = 0; s < written.size_of_list(); ++s)
      append_unless_blank(sentences, written.element(s).at("text").text());
    add(data, groups, entry, meaning, sentences, part);
  }
  finish(data, file);
  return data;
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/data/sequences.hpp"

#include "small_tokenizers.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

using Ids = std::vector<int>;

ModelConfig config_of(const std::string& name, std::vector<std::string> labels = {}) {
  const ModelConfig config = read_config(data / name);
  return labels.empty() ? config : with_labels(config, std::move(labels));
}

TaskData examples(std::vector<Example> list) {
  TaskData made;
  made.examples = std::move(list);
  return made;
}

TaskData meanings(std::vector<Meaning> list) {
  TaskData made;
  made.meanings = std::move(list);
  return made;
}

}  // namespace

TEST_CASE("a sentence stands between special tokens and keeps its label") {
  const auto made = encode(find_task("sst2"), examples({{.first = "a b", .label = 1}, {.first = "z", .label = -1}}),
                           small_tokenizer("bert"), config_of("bert", {"no", "yes"}), 128);
  REQUIRE(made.size() == 2);
  CHECK(made[0].ids == Ids{2, 5, 6, 3});
  CHECK(made[0].label == 1);
  CHECK(made[0].prompt == -1);
  CHECK(made[0].counted() == 1);
  CHECK(made[1].ids == Ids{2, 30, 3});
  CHECK(made[1].label == -1);
}

TEST_CASE("a pair has types where the model has them, and the longer sentence is cut first") {
  const auto pair = examples({{.first = "a b c d e f", .second = "x y", .label = 0}});
  const auto bert = encode(find_task("rte"), pair, small_tokenizer("bert"), config_of("bert", {"no", "yes"}), 9);
  CHECK(bert[0].ids == Ids{2, 5, 6, 7, 8, 3, 28, 29, 3});
  CHECK(bert[0].types == Ids{0, 0, 0, 0, 0, 0, 1, 1, 1});
  const auto roberta =
      encode(find_task("rte"), pair, small_tokenizer("roberta"), config_of("roberta", {"no", "yes"}), 128);
  CHECK(roberta[0].ids == Ids{0, 5, 4, 6, 4, 7, 4, 8, 4, 9, 2, 2, 28, 4, 29, 2});
  CHECK(std::ranges::count(roberta[0].types, 0) == 16);
}

TEST_CASE("labels of another task are named, those without a meaning are not") {
  using Labels = std::vector<std::string>;
  CHECK(other_labels(find_task("sst2"), Labels{"NEGATIVE", "positive"}).empty());
  CHECK(other_labels(find_task("sst2"), Labels{"LABEL_0", "LABEL_1"}).empty());
  CHECK(other_labels(find_task("sst2"), Labels{"0", "1"}).empty());
  CHECK(other_labels(find_task("sst2"), Labels{"Positive", "NEGATIVE"}).empty());
  using Order = std::vector<std::size_t>;
  CHECK(outputs_of_classes(find_task("sst2"), Labels{"Positive", "NEGATIVE"}) == Order{1, 0});
  CHECK(outputs_of_classes(find_task("mnli"), Labels{"CONTRADICTION", "NEUTRAL", "ENTAILMENT"}) == Order{2, 1, 0});
  CHECK(outputs_of_classes(find_task("rte"), Labels{"Not-Entailment", "entailment"}) == Order{1, 0});
  CHECK(outputs_of_classes(find_task("rte"), Labels{"yes", "no"}) == Order{0, 1});
  CHECK(outputs_of_classes(find_task("sst2"), Labels{"positive", "POSITIVE"}) == Order{0, 1});
  CHECK(other_labels(find_task("sst2"), Labels{}).empty());  // a language model, which the task does not fit
  CHECK(other_labels(find_task("e2e"), Labels{}).empty());
  CHECK(other_labels(find_task("rte"), Labels{"negative", "positive"}) ==
        "the labels of the model are negative, positive, those of rte are entailment, not_entailment");
}

TEST_CASE("sequences are never longer than the model reads") {
  const std::string text = "a b c d e f g h i j k l m n o p q r s t u v w x y z";
  for (const std::string name : {"bert", "roberta"}) {
    const auto made = encode(find_task("sst2"), examples({{.first = text, .label = 0}}), small_tokenizer(name),
                             config_of(name, {"no", "yes"}), 128);
    CHECK(made[0].length() == 16);
    CHECK(made[0].ids.back() == (name == "bert" ? 3 : 2));
  }
}

TEST_CASE("a regression keeps its number, or says that there is none") {
  TaskData pair = examples({{.first = "a", .second = "b", .score = 2.5}});
  const auto config = config_of("roberta");
  CHECK(encode(find_task("stsb"), pair, small_tokenizer("roberta"), config, 128)[0].value == 2.5F);
  pair.labelled = false;
  CHECK(std::isnan(encode(find_task("stsb"), pair, small_tokenizer("roberta"), config, 128)[0].value));
}

TEST_CASE("a meaning and each reference end with the end token, and the loss is that of the reference") {
  const auto made = encode(find_task("e2e"), meanings({{"ab", {"c", "d e"}}, {"f", {"g"}}}), small_tokenizer("gpt2"),
                           config_of("gpt2"), 128);
  REQUIRE(made.size() == 3);
  CHECK(made[0].ids == Ids{1, 2, 39, 0, 3, 39});
  CHECK(made[1].ids == Ids{1, 2, 39, 0, 4, 0, 5, 39});
  CHECK(made[2].ids == Ids{6, 39, 0, 7, 39});
  CHECK(made[0].prompt == 3);
  CHECK(made[0].counted() == 3);

  const std::vector<std::size_t> which{1, 2};
  const SequenceBatch batch{made, which, 17};
  CHECK(batch.batch().tokens == 8);
  const auto targets = batch.targets();
  constexpr int no = Targets::ignored;
  CHECK(Ids(targets.labels.begin(), targets.labels.end()) ==
        Ids{no, no, no, 0, 4, 0, 5, 39, no, no, 0, 7, 39, no, no, no});
  CHECK(Ids(batch.batch().ids.begin(), batch.batch().ids.end()) ==
        Ids{1, 2, 39, 0, 4, 0, 5, 39, 6, 39, 0, 7, 39, 17, 17, 17});
  CHECK(batch.counted() == 8);
}

TEST_CASE("a reference is cut at its end, and a meaning without room for one is left out") {
  const TaskData asked = meanings({{"abcdefgh", {"i"}}, {"abcde", {"f g"}}});
  const auto made = encode(find_task("e2e"), asked, small_tokenizer("gpt2"), config_of("gpt2"), 8);
  REQUIRE(made.size() == 1);
  CHECK(made[0].ids == Ids{1, 2, 3, 4, 5, 39, 0, 6});
  CHECK(made[0].counted() == 2);
  CHECK(error_of([&] {
          static_cast<void>(
              encode(find_task("e2e"), meanings({{"abcdefgh", {"i"}}}), small_tokenizer("gpt2"), config_of("gpt2"), 8));
        }) == "the data of the task e2e has no sequences: there are no references, or no meaning leaves room for one");
}

TEST_CASE("running text is cut into pieces, and a last token alone is left out") {
  TaskData running;
  running.text = "abcdefghijklmnopqrst";
  const auto made = encode(find_task("text"), running, small_tokenizer("gpt2"), config_of("gpt2"), 9);
  REQUIRE(made.size() == 3);
  CHECK(made[0].ids.front() == 1);
  CHECK(made[1].ids.front() == 10);
  CHECK(made[2].ids == Ids{19, 20});
  CHECK(made[0].counted() == 8);
  CHECK(SequenceBatch{made, std::vector<std::size_t>{0, 1, 2}}.counted() == 17);
  running.text =
      "abcdefghi"
      "abcdefghi"
      "z";
  CHECK(encode(find_task("text"), running, small_tokenizer("gpt2"), config_of("gpt2"), 9).size() == 2);
}

TEST_CASE("batches hold sequences of like length in the order of the file") {
  std::vector<Sequence> list;
  for (const std::size_t length : {3U, 1U, 3U, 2U, 1U}) list.push_back({.ids = Ids(length, 7)});
  using Batches = std::vector<std::vector<std::size_t>>;
  CHECK(batches_of_like_length(list, 2) == Batches{{1, 4}, {3, 0}, {2}});
  CHECK(batches_of_like_length({}, 2).empty());
  CHECK_THROWS_AS(static_cast<void>(batches_of_like_length(list, 0)), pst::Error);
}

TEST_CASE("a task, a tokenizer and a model that do not go together are refused") {
  const auto bert = small_tokenizer("bert"), gpt2 = small_tokenizer("gpt2");
  const auto refusal = [](const char* task, const Tokenizer& tokenizer, const ModelConfig& config) {
    return error_of([&] { check_fits(find_task(task), tokenizer, config); });
  };
  CHECK(refusal("e2e", bert, config_of("bert")) ==
        "the task e2e asks for the next token, the model gives a choice between labels: choose another model or task");
  CHECK(refusal("stsb", bert, config_of("bert")) ==
        "the task stsb asks for one number, the model gives a choice between labels: choose another model or task");
  CHECK(refusal("sst2", bert, config_of("bert")) ==
        "the task sst2 has 2 labels, the model has 3: train --new-head makes a head for the task");
  ModelConfig few = config_of("gpt2");
  few.vocabulary = 39;
  CHECK(refusal("e2e", gpt2, few) ==
        "the tokenizer has ids up to 39, the model has embeddings for 39 tokens: are these the tokenizer files of this "
        "model?");
  CHECK(error_of([&] {
          static_cast<void>(
              encode(find_task("mnli"), examples({{.first = "a", .second = "b"}}), bert, config_of("bert"), 7));
        }) == "sequences are cut to 7 tokens, expected at least 8");
  CHECK(error_of([&] {
          ModelConfig config = config_of("bert");
          config.types = 1;
          static_cast<void>(encode(find_task("mnli"), examples({{.first = "a", .second = "b"}}), bert, config, 16));
        }) ==
        "the tokenizer gives a token the type 1, the model has 1 types: are these the tokenizer files of this "
        "model?");
}

TEST_CASE("E2E's dev file in GPT-2's vocabulary has the tokens that its format asks for") {
  const fs::path folder = PST_DATA;
  if (!fs::exists(folder / "e2e") || !fs::exists(folder / "gpt2_vocab")) {
    MESSAGE("skipped, there is no ", folder.string());
    return;
  }
  const Tokenizer tokenizer = load_tokenizer(folder / "gpt2_vocab");
  ModelConfig config = config_of("gpt2");
  config.vocabulary = 50257;
  config.positions = 1024;
  const Task& task = find_task("e2e");
  const auto loaded = load_task(task, folder / "e2e", TaskPart::dev);
  const auto made = encode(task, loaded.front(), tokenizer, config, 512);
  std::size_t references = 0;
  for (const Meaning& meaning : loaded.front().meanings) references += meaning.references.size();
  REQUIRE(made.size() == references);
  for (const Sequence& sequence : made) {
    CHECK(std::ranges::count(sequence.ids, 50256) == 2);
    CHECK(sequence.ids[static_cast<std::size_t>(sequence.prompt) - 1] == 50256);
    CHECK(sequence.ids.back() == 50256);
  }
  const Meaning& first = loaded.front().meanings.front();
  CHECK(tokenizer.decode(made.front().ids, false) ==
        first.text + "<|endoftext|> " + first.references.front() + "<|endoftext|>");
}

// SPDX-License-Identifier: Apache-2.0
#include "finetune/evaluate/predictions.hpp"

#include <cmath>
#include <fstream>

#include "small_tokenizers.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

/// The sequences of a golden batch, with `copies` of each so that batches mix them.
std::vector<Sequence> sequences_of(const Golden& golden, std::size_t copies = 1) {
  const Batch batch = golden.batch();
  std::vector<Sequence> list;
  for (std::size_t copy = 0; copy < copies; ++copy)
    for (std::size_t s = 0; s < golden.lengths.size(); ++s) {
      const auto first = static_cast<index_t>(s) * batch.tokens;
      const auto part = [&](const std::vector<int>& all) {
        return all.empty() ? all : std::vector<int>(all.begin() + first, all.begin() + first + golden.lengths[s]);
      };
      list.push_back({.ids = part(golden.ids), .types = part(golden.types)});
      if (golden.labels.size() == golden.lengths.size()) list.back().label = golden.labels[s];
      if (!golden.values.empty()) list.back().value = golden.values[s];
    }
  return list;
}

LoadedModel load(const std::string& name) {
  LoadedModel loaded = load_model(data / name, {}, transformer::dense_layers<float>());
  loaded.model->begin_step(0, 1);
  return loaded;
}

}  // namespace

TEST_CASE("a classification has transformers' loss, and the same predictions in batches of any size") {
  const Golden golden{"bert"};
  const LoadedModel bert = load("bert");
  const auto sequences = sequences_of(golden);
  const std::vector<float> logits = golden.file.read<float>("logits");
  for (const std::size_t batch : {1U, 2U, 3U, 100U}) {
    const Evaluation found = evaluate(*bert.model, find_task("mnli"), sequences, batch);
    CHECK(found.loss.value() == doctest::Approx(golden.number("loss")).epsilon(1e-5));
    REQUIRE(found.predictions.size() == 3);
    CHECK(relative_error(numbers(found.logits), logits) < 1e-5);
    double right = 0.0;
    for (std::size_t s = 0; s < 3; ++s) {
      const auto row = logits.begin() + static_cast<std::ptrdiff_t>(3 * s);
      CHECK(found.predictions[s] == static_cast<double>(std::max_element(row, row + 3) - row));
      right += found.predictions[s] == golden.labels[s] ? 1.0 : 0.0;
    }
    REQUIRE(found.scores.size() == 1);
    CHECK(found.scores[0].name == "accuracy");
    CHECK(found.scores[0].value == doctest::Approx(right / 3.0));
  }
}

TEST_CASE("a regression has transformers' loss and numbers, in the order of the file") {
  const Golden golden{"roberta"};
  const LoadedModel roberta = load("roberta");
  const auto sequences = sequences_of(golden, 3);
  const Evaluation found = evaluate(*roberta.model, find_task("stsb"), sequences, 4);
  CHECK(found.loss.value() == doctest::Approx(golden.number("loss")).epsilon(1e-5));
  const std::vector<float> logits = golden.file.read<float>("logits");
  REQUIRE(found.predictions.size() == 9);
  for (std::size_t s = 0; s < 9; ++s)
    CHECK(found.predictions[s] == doctest::Approx(static_cast<double>(logits[s % 3])).epsilon(1e-5));
  REQUIRE(found.scores.size() == 2);
  CHECK(found.scores[0].name == "pearson");
}

TEST_CASE("a language model's loss is a mean over tokens, whatever the batches") {
  const Golden golden{"gpt2"};
  const LoadedModel gpt2 = load("gpt2");
  auto sequences = sequences_of(golden);
  for (Sequence& sequence : sequences) sequence.prompt = 0;
  sequences[0].prompt = 4;
  double summed = 0.0;
  for (const Evaluation& found : {evaluate(*gpt2.model, find_task("text"), sequences, 1),
                                  evaluate(*gpt2.model, find_task("text"), sequences, 3)}) {
    CHECK(found.loss.value() == doctest::Approx(golden.number("sharp_loss")).epsilon(1e-5));
    CHECK(found.predictions.empty());
    REQUIRE(found.scores.size() == 1);
    CHECK(found.scores[0].value == doctest::Approx(std::exp(golden.number("sharp_loss"))).epsilon(1e-5));
    summed += found.loss.value();
  }
  CHECK(evaluate(*gpt2.model, find_task("e2e"), sequences, 2).scores.empty());
  CHECK(summed > 0.0);
}

TEST_CASE("data without labels have predictions and no scores") {
  const LoadedModel bert = load("bert");
  auto sequences = sequences_of(Golden{"bert"});
  sequences[1].label = -1;
  const Evaluation found = evaluate(*bert.model, find_task("mnli"), sequences, 2);
  CHECK(found.predictions.size() == 3);
  CHECK(found.scores.empty());
  CHECK(!found.loss);
}

TEST_CASE("classes are the task's by the names that the model has for them, in any order") {
  const LoadedModel bert = load("bert");
  const auto sequences = sequences_of(Golden{"bert"});
  const Evaluation before = evaluate(*bert.model, find_task("mnli"), sequences, 2);
  const TemporaryDirectory folder;
  fs::copy(data / "bert" / "model.safetensors", folder.path());
  nlohmann::json config = bert.model->config().json;
  config["id2label"] = {{"0", "Contradiction"}, {"1", "ENTAILMENT"}, {"2", "neutral"}};
  std::ofstream{folder.path() / "config.json"} << config;
  const LoadedModel other = load_model(folder.path(), {}, transformer::dense_layers<float>());
  other.model->begin_step(0, 1);
  const Evaluation found = evaluate(*other.model, find_task("mnli"), sequences, 2);
  const int place[] = {1, 2, 0};  // of entailment, neutral and contradiction
  for (index_t task_class = 0; task_class < 3; ++task_class)
    CHECK(found.logits.col(task_class) == before.logits.col(place[task_class]));
  for (std::size_t s = 0; s < sequences.size(); ++s)
    CHECK(before.predictions[s] == place[static_cast<std::size_t>(found.predictions[s])]);
}

TEST_CASE("predictions are a table with the numbers of rows, probabilities and scores") {
  Evaluation found;
  found.predictions = {1, 0};
  found.logits.resize(2, 2);
  found.logits << 0.0F, std::log(3.0F), 1.0F, 1.0F;
  const std::vector<std::string> rows{"3", "7"};
  const std::vector<PredictedClass> classes{{"0", "negative"}, {"1", "positive"}};
  CHECK(predictions_text("index", rows, classes, found) ==
        "index\tprediction\tprobability_negative\tprobability_positive\tscore_negative\tscore_positive\n"
        "3\t1\t0.25\t0.75\t0\t1.09861\n7\t0\t0.5\t0.5\t1\t1\n");
  CHECK(predictions_text("line", rows, {}, found) == "line\tprediction\n3\t1\n7\t0\n");
}

TEST_CASE("progress is told how many sequences are done, and may stop") {
  const LoadedModel bert = load("bert");
  const auto sequences = sequences_of(Golden{"bert"}, 2);
  std::vector<std::size_t> told;
  static_cast<void>(
      evaluate(*bert.model, find_task("mnli"), sequences, 4, [&](std::size_t done) { told.push_back(done); }));
  CHECK(told == std::vector<std::size_t>{4, 6});
  const auto stop = [](std::size_t) { throw pst::Error{"stopped"}; };
  CHECK_THROWS_WITH_AS(static_cast<void>(evaluate(*bert.model, find_task("mnli"), sequences, 4, stop)), "stopped",
                       pst::Error);
}

TEST_CASE("a model that says NaN is refused") {
  const LoadedModel bert = load("bert");
  bert.model->for_each_tensor([](const TensorPlace& place, Matrix& value, Layer*) {
    if (place.name == "classifier.bias") value(0, 1) = std::nanf("");
  });
  CHECK_THROWS_WITH_AS(static_cast<void>(evaluate(*bert.model, find_task("mnli"), sequences_of(Golden{"bert"}), 4)),
                       "the model says nan of sequence 2, expected a finite number", pst::Error);
}

// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/verdict.hpp"

#include <pst/core/error.hpp>

#include "finetune/methods/methods.hpp"
#include "finetune/train/report.hpp"
#include "finetune/train/training_step.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

TrainResult result_with(std::optional<double> best, std::optional<double> before_pruning) {
  return {.metric = "matthews",
          .best = best,
          .best_error = 0.03,
          .baseline = Baseline{"always \"acceptable\"", 0},
          .before_pruning = before_pruning,
          .step = 801,
          .steps = 801};
}

}  // namespace

TEST_CASE("a verdict on a model that knows nothing says what to change, in numbers") {
  Settings settings;
  settings.task = "cola";
  settings.rate = method_named("pst").rate;
  settings.epochs = 3;
  CHECK(verdict_on(settings, result_with(0.2, 0.25)).learnt);
  CHECK(verdict_on(settings, result_with(0.2, 0.25), 0.29).sentence ==
        "matthews 0.2000 (standard error 0.0300), always \"acceptable\" 0.0000, dense 0.2900");

  const Verdict undone = verdict_on(settings, result_with(0.01, 0.25));
  CHECK(!undone.learnt);
  CHECK(undone.sentence.find(": has learnt nothing; the dense phase had learnt the task (0.25), and it was lost as "
                             "weights went: try --epochs 12, or --sparsity 0.5") != std::string::npos);
  settings.method.sparsity = 0.5;
  settings.steps = 801;
  CHECK(verdict_on(settings, result_with(0.01, 0.25)).sentence.ends_with("try --steps 3000, or --sparsity 0.25"));

  const std::string unknown = verdict_on(settings, result_with(0.01, std::nullopt)).sentence;
  CHECK(unknown.find(": has learnt nothing; try --rate ") != std::string::npos);
  CHECK(unknown.ends_with(", or --sparsity 0.25"));
  const Verdict never = verdict_on(settings, result_with(std::nullopt, 0.01));
  CHECK(!never.learnt);
  CHECK(never.sentence.find("the dense phase had not learnt the task either: try --rate ") != std::string::npos);
  settings.method.sparsity = 0;
  settings.rate = 1.0;
  const std::string dense = verdict_on(settings, result_with(0, 0)).sentence;
  CHECK(dense.find(": has learnt nothing; try --rate ") != std::string::npos);
  CHECK(dense.find("try --rate 1 ") == std::string::npos);
}

TEST_CASE("a short run is told to raise its rate, a long one to lower it") {
  Settings settings;
  settings.task = "cola";
  settings.rate = method_named("pst").rate;
  CHECK(dense_phase_advice(settings, 300).starts_with("try --rate 0.0006"));
  CHECK(dense_phase_advice(settings, 4000).starts_with("try --rate 6.67e-05"));
  settings.rate *= 3;
  CHECK(dense_phase_advice(settings, 300).starts_with("try --rate 0.0002"));
}

TEST_CASE("weights are all there until the last dense step, and the dev data are asked then") {
  for (const char* method : {"pst", "magnitude", "movement", "soft-movement", "full"}) {
    INFO(method);
    Job job;
    job.settings.method.name = method;
    job.settings.method.warmup = 0.35;
    BaseModel base = load_base(job.settings);
    base.loaded.model->begin_step(0, 20);
    const std::int64_t last = last_dense_step(job.settings.method, 20);
    CHECK(last == (prunes(job.settings.method) && std::string{method} != "soft-movement" ? 7 : 0));
    if (last == 0) continue;
    base.loaded.model->begin_step(last, 20);
    CHECK(reached_sparsity(*base.loaded.model, job.settings.method) == 0);
    base.loaded.model->begin_step(last + 1, 20);
    CHECK(reached_sparsity(*base.loaded.model, job.settings.method) > 0);
    const TrainResult result = job.train();
    CHECK(result.before_pruning.has_value());
    std::vector<std::int64_t> asked;
    for (const Record& record : job.records())
      if (record.dev_loss) asked.push_back(record.step);
    CHECK(asked == std::vector<std::int64_t>{7, 10, 20});
  }
}

TEST_CASE("a run that learns has a verdict of its baseline and its standard error, again when it is told again") {
  Job job;
  job.settings.method.name = "full";
  job.settings.rate = 1e-3;
  job.settings.steps = 150;
  job.settings.evaluate_every = 50;
  for (int turn = 0; turn < 2; ++turn) {
    const TrainResult result = job.train();
    CHECK(verdict_on(job.settings, result).learnt);
    CHECK(result.before_pruning == result.best);
    REQUIRE(result.best_error);
    CHECK(*result.best_error < 0.1);
    REQUIRE(result.baseline);
    CHECK(result.baseline->score >= 0.5);
    CHECK(result.baseline->score < *result.best);
    const auto written = nlohmann::json::parse(result_text(job.settings, {}, result, 0.75));
    CHECK(written["learnt"] == true);
    CHECK(written["dense"] == 0.75);
    CHECK(written["baseline"]["score"] == result.baseline->score);
    CHECK(written["standard_error"] == *result.best_error);
    CHECK(written["verdict"] == verdict_on(job.settings, result, 0.75).sentence);
  }
}

TEST_CASE("a run that moves nothing has learnt nothing") {
  Job job;
  job.settings.rate = 1e-12;
  const TrainResult result = job.train();
  const Verdict verdict = verdict_on(job.settings, result);
  CHECK(!verdict.learnt);
  CHECK(verdict.sentence.find("has learnt nothing") != std::string::npos);
  CHECK(nlohmann::json::parse(result_text(job.settings, {}, result))["learnt"] == false);
}

TEST_CASE("a language model is compared with the frequencies of its tokens") {
  Job job{"gpt2"};
  job.settings.steps = 40;
  const TrainResult result = job.train();
  REQUIRE(result.baseline);
  CHECK(result.baseline->score < 0);
  CHECK(!result.best_error);
}

TEST_CASE("the score of a dense run is read from its folder") {
  const TemporaryDirectory folder;
  const auto error = [&] { return error_of([&] { static_cast<void>(read_best_score(folder.path(), "cola")); }); };
  CHECK(error().find(": has no result.json, expected the folder of a run that has ended") != std::string::npos);
  const auto write = [&](const char* text) { common::write_file(folder.path() / "result.json", text); };
  write(R"({"task": "rte", "best": 0.5})");
  CHECK(error().find(": is not of a run of the task cola") != std::string::npos);
  write(R"({"task": "cola", "best": null})");
  CHECK(error().find(": has no best score") != std::string::npos);
  write(R"({"task": "cola", "best": 0.5})");
  CHECK(read_best_score(folder.path(), "cola") == 0.5);
}

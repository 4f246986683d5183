// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "finetune/methods/methods.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/train/parameters.hpp"
#include "finetune/train/train_run.hpp"
#include "finetune/train/training_step.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

TEST_CASE("once masks rest the kept weights train, and the sparsity stays") {
  Job job;
  job.settings.steps = 40;
  job.settings.method.sparsity = 0.9;
  const TrainResult result = job.train();
  CHECK(result.sparsity == doctest::Approx(0.9).epsilon(0.01));
  const TrainedRun run = load_run(job.out(), Checkpoint::last);
  CHECK(run.model->trains_kept());
  BaseModel base = load_base(job.settings);
  const ParameterCounts told = count_parameters(*base.loaded.model, job.settings);
  CHECK(told.at_rest == count_parameters(*run.model, job.settings).trainable);
  CHECK(told.at_rest != told.trainable);
  index_t kept = 0;
  run.model->for_each_layer([&](Layer& layer) {
    kept += layer.layer.kept();
    CHECK(layer.weight.size() == 0);
    Matrix weight;
    layer.export_weight(weight);
    CHECK((weight.array() != 0.0F).count() <= layer.layer.kept());
  });
  for (const ModelParameter& each : run.model->parameters())
    if (each.part == Part::layer && each.parameter.group == pst::ParameterGroup::weight)
      kept -= each.parameter.value.size();
  CHECK(kept == 0);
}

TEST_CASE("nothing is left of a run that is refused before its first step") {
  Job job;
  job.settings.method.modules = "nonsense";
  CHECK(pst::io::test::contains(error_of([&] { static_cast<void>(train_run(job.settings, job.out(), {})); }),
                                "nonsense"));
  CHECK(!fs::exists(job.out()));
  fs::create_directory(job.out());
  CHECK(!error_of([&] { static_cast<void>(train_run(job.settings, job.out(), {})); }).empty());
  CHECK(fs::is_empty(job.out()));
}

TEST_CASE("kept weights reach the sparsity that was asked for, however masks came there") {
  for (const auto& [schedule, refresh] :
       {std::pair{"cubic", "every-7"}, {"cubic", "every-20"}, {"linear", "every"}, {"constant", "every-3"}}) {
    INFO(schedule, ' ', refresh);
    Job job;
    job.settings.method.schedule = schedule;
    job.settings.method.refresh = refresh;
    CHECK(is_sparse_enough(job.settings.method, job.train().sparsity + 0.001));  // rounding of small layers
  }
}

TEST_CASE("the first step of kept weights is as long as a first step of Adam, and others remember theirs") {
  Job job;
  job.settings.rate_schedule = "constant";
  BaseModel base = load_base(job.settings);
  Model& model = *base.loaded.model;
  const TrainingData read = load_training_data(job.settings, base);
  TrainingStep step{model, read.train, job.settings};
  for (std::int64_t at = 0; at < 14; ++at) {
    CHECK(!step.rest_if_due(at));
    model.begin_step(at, 20);
    step(at);
  }
  CHECK(step.rest_if_due(14));
  CHECK(!step.rest_if_due(14));
  CHECK(!step.optimizer().save().contains("encoder"));
  CHECK(pst::find(step.optimizer().save().at("head"), "steps").values<std::int64_t>().at(0) == 14);
  model.begin_step(14, 20);
  std::vector<std::vector<float>> before;
  const auto is_kept = [](const ModelParameter& each) { return each.name.ends_with(".weight.kept"); };
  for (const ModelParameter& each : model.parameters())
    if (is_kept(each)) before.push_back(numbers(transformer::map(each.parameter.value)));
  step(14);
  std::size_t at = 0;
  float longest = 0;
  for (const ModelParameter& each : model.parameters()) {
    if (!is_kept(each)) continue;
    const auto after = numbers(transformer::map(each.parameter.value));
    for (std::size_t i = 0; i < after.size(); ++i) longest = std::max(longest, std::abs(after[i] - before[at][i]));
    ++at;
  }
  CHECK(at == 12);  // layers in two blocks
  CHECK(longest == doctest::Approx(job.settings.rate).epsilon(1e-3));
}

TEST_CASE("where masks rest and how fast kept weights learn then") {
  Settings settings;
  settings.method.cooldown = 0.38;
  CHECK(rest_step(settings, 100) == 62);
  settings.rate_warmup = 0.1;
  CHECK(kept_scale(settings, 62, 100) == 0);
  CHECK(kept_scale(settings, 64, 100) == doctest::Approx(2 / 3.8));
  CHECK(kept_scale(settings, 66, 100) == doctest::Approx(34 / 34.2));
  CHECK(kept_scale(settings, 99, 100) == doctest::Approx(1 / 34.2));
  settings.rate_warmup = 0;
  settings.warmup_steps = 50;  // more than are left at rest
  CHECK(kept_scale(settings, 81, 100) == doctest::Approx(1));
  CHECK(kept_scale(settings, 99, 100) == doctest::Approx(1 / 19.0));
  settings.method.rest = "delta";
  CHECK(rest_step(settings, 100) == 100);
  settings.method.rest = "kept";
  settings.method.schedule = "linear";
  CHECK(rest_step(settings, 100) == 100);
  settings.method.schedule = "constant";
  CHECK(rest_step(settings, 100) == 62);
  settings.method.sparsity = 0;
  CHECK(rest_step(settings, 100) == 100);
  settings.method = {.name = "full"};
  CHECK(rest_step(settings, 100) == 100);
}

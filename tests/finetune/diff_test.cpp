// SPDX-License-Identifier: Apache-2.0
// Diff pruning, from gates to the largest changes.
#include <algorithm>
#include <vector>

#include "finetune/methods/methods.hpp"
#include "finetune/run/snapshot.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/train/parameters.hpp"
#include "finetune/train/train_run.hpp"
#include "finetune/train/training_step.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

/// A run whose gates learn for ten steps of twenty, and then one change in fifty.
struct DiffJob : Job {
  DiffJob() {
    settings.method = {.name = "diff", .kept_share = 0.02};
    settings.score_rate = 100;
  }
  [[nodiscard]] std::string state(const std::string& name, Checkpoint which = Checkpoint::last) const {
    return common::read_file(snapshot_file(out(name), which));
  }
};

index_t changes_in(const Model& model) {
  index_t count = 0;
  for (const ModelParameter& each : model.parameters())
    if (each.name.ends_with(".delta.kept")) count += each.parameter.value.size();
  return count;
}

}  // namespace

TEST_CASE("the largest changes go on alone behind the gated part, and a state of them is the best") {
  DiffJob job;
  const TrainResult result = job.train();
  CHECK(result.sparsity == 0);
  CHECK(result.best_step >= 10);
  BaseModel base = load_base(job.settings);
  const ParameterCounts told = count_parameters(*base.loaded.model, job.settings);
  CHECK(told.trainable >= 2 * told.prunable);
  for (const Checkpoint which : {Checkpoint::last, Checkpoint::best}) {
    const TrainedRun run = load_run(job.out(), which);
    CHECK(run.model->trains_kept());
    CHECK(changes_in(*run.model) == pst::share_of(told.prunable, 0.02));
    CHECK(count_parameters(*run.model, job.settings).trainable == told.at_rest);
    index_t changed = 0;
    std::vector<Matrix*> before;
    base.loaded.model->for_each_layer([&](Layer& layer) { before.push_back(&layer.weight); });
    run.model->for_each_layer([&, at = std::size_t{0}](Layer& layer) mutable {
      Matrix weight;
      layer.export_weight(weight);
      changed += (weight.array() != before[at++]->array()).count();
    });
    CHECK(changed > 0);
    CHECK(changed <= changes_in(*run.model));
  }
}

TEST_CASE(
    "diff pruning goes on with the same bits from either side of the projection, and evaluations change nothing") {
  DiffJob job;
  job.settings.accumulation = 2;
  job.settings.batch = 4;
  job.settings.evaluate_every = 20;  // the states that a test leaves have seen no evaluation
  job.train("whole", {.log_every = 3});
  for (const std::int64_t stop : {1, 7, 9, 10, 11, 20}) {
    INFO(stop);
    const std::string name = "part" + std::to_string(stop);
    job.train_until(stop, name);
    job.train(name, {.log_every = 1, .save_every = 4});
    CHECK(job.state(name) == job.state("whole"));
    CHECK(job.state(name, Checkpoint::best) == job.state("whole", Checkpoint::best));
  }
  job.settings.evaluate_every = 3;  // also while gates learn
  job.train("often");
  const auto numbers_at_end = [&](const char* name) {
    const TrainedRun run = load_run(job.out(name), Checkpoint::last);
    std::vector<float> all;
    for (const ModelParameter& each : run.model->parameters())
      for (const float value : numbers(transformer::map(each.parameter.value))) all.push_back(value);
    return all;
  };
  CHECK(numbers_at_end("often") == numbers_at_end("whole"));
}

TEST_CASE("gates may learn to the end, and then no change is left out") {
  DiffJob job;
  job.settings.method.gated_part = 1;
  CHECK(job.train().best_step == 20);
  const TrainedRun run = load_run(job.out(), Checkpoint::best);
  CHECK_FALSE(run.model->trains_kept());
  CHECK(changes_in(*run.model) == 0);
}

TEST_CASE("toolkit test 15: the gated part and the share that is kept change what is learnt") {
  DiffJob job;
  const auto learnt = [&](const char* name) {
    job.train(name);
    return load_run(job.out(name), Checkpoint::last).model->save();
  };
  const auto size_of = [](const pst::TensorList& list) {
    std::size_t bytes = 0;
    for (const pst::Tensor& tensor : list) bytes += tensor.name.ends_with("delta.kept") ? tensor.bytes.size() : 0;
    return bytes;
  };
  const pst::TensorList usual = learnt("usual");
  job.settings.method.kept_share = 0.04;
  CHECK(size_of(learnt("more")) >= 2 * size_of(usual));
  job.settings.method.kept_share = 0.02;
  job.settings.method.gated_part = 0.3;
  const pst::TensorList sooner = learnt("sooner");
  CHECK(std::ranges::any_of(usual, [&](const pst::Tensor& tensor) {
    const auto at = std::ranges::find(sooner, tensor.name, &pst::Tensor::name);
    return at == sooner.end() || at->bytes != tensor.bytes;
  }));
}

TEST_CASE("where gates rest and how fast the largest changes learn then") {
  Settings settings;
  settings.method = {.name = "diff"};
  CHECK(has_gates(settings.method));
  CHECK_FALSE(has_gates({.name = "lora"}));
  CHECK(rest_step(settings, 100) == 50);
  settings.rate_warmup = 0.1;
  CHECK(kept_scale(settings, 50, 100) == 0);
  CHECK(kept_scale(settings, 55, 100) == 1);
  CHECK(kept_scale(settings, 99, 100) == doctest::Approx(1 / 45.0));
  settings.method.gated_part = 1;
  CHECK(rest_step(settings, 100) == 100);
}

// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/teacher.hpp"

#include <pst/core/error.hpp>
#include <pst/io/tensor_file.hpp>

#include <cmath>
#include <random>

#include "finetune/run/trained_run.hpp"
#include "finetune/train/train_run.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

/// What a teacher might say of a golden batch.
std::vector<float> said_of(const Golden& golden, index_t outputs) {
  std::vector<float> said(golden.lengths.size() * static_cast<std::size_t>(outputs));
  for (std::size_t i = 0; i < said.size(); ++i) said[i] = std::sin(static_cast<float>(3 * i + 1));
  return said;
}

/// A dense run in `teacher`, and the settings of one that learns from it.
Settings taught_by_dense_run(Job& job) {
  job.settings.method.name = "full";
  job.settings.rate = 1e-3;
  job.settings.steps = 60;
  job.train("teacher");
  Settings settings = job.settings;
  settings.method.name = "pst";
  settings.steps = 20;
  settings.rate = 1e-2;
  settings.teacher = job.out("teacher");
  return settings;
}

}  // namespace

TEST_CASE("the loss of a taught model has both parts, and its gradient is the finite difference") {
  for (const std::string name : {"bert", "roberta"}) {  // classes, and a number
    CAPTURE(name);
    const Golden golden{name};
    const LoadedModel loaded = load_model(data / name, {}, transformer::dense_layers<float>());
    Model& model = *loaded.model;
    const std::vector<float> said = said_of(golden, model.config().outputs());
    Targets targets = golden.targets();
    model.begin_step(0, 1);
    const double hard = model.loss(golden.batch(), targets);
    targets.taught = said;
    targets.distillation = {.weight = 1.0, .temperature = 2.5};
    const double taught = model.loss(golden.batch(), targets);
    targets.distillation.weight = 0.3;
    CHECK(model.loss(golden.batch(), targets) == doctest::Approx(0.7 * hard + 0.3 * taught));

    std::mt19937_64 random{8};
    model.learn(golden.batch(), targets);
    double expected = 0;
    std::vector<Matrix> directions;
    for (const ModelParameter& each : model.parameters()) {
      const auto grad = transformer::map(each.parameter.grad);
      Matrix& direction = directions.emplace_back(grad.rows(), grad.cols());
      transformer::fill_normal(direction, 1.0, random);
      // Along the gradient, so that there is something to measure, and partly across it.
      direction = direction * (0.2F * grad.norm() / direction.norm()) + grad;
      expected += static_cast<double>(direction.cwiseProduct(grad).sum());
    }
    const auto loss_after = [&](float by) {
      for (std::size_t i = 0; i < directions.size(); ++i)
        transformer::map(model.parameters()[i].parameter.value) += by * directions[i];
      return model.learn(golden.batch(), targets);
    };
    constexpr float step = 3e-4F;
    const double above = loss_after(step), below = loss_after(-2 * step);
    CHECK((above - below) / (2 * static_cast<double>(step)) == doctest::Approx(expected).epsilon(2e-3));
  }
}

TEST_CASE("a teacher is asked once, with nothing dropped out, and its answers are kept") {
  Job job;
  const Settings settings = taught_by_dense_run(job);
  BaseModel base = load_base(settings);
  TrainingData read = load_training_data(settings, base);
  const fs::path cache = job.path() / "taught";
  add_teacher(read, settings, cache);
  const TrainedRun teacher = load_run(settings.teacher, Checkpoint::best);
  const Evaluation expected = evaluate(*teacher.model, find_task("sst2"), read.train, 8);
  for (std::size_t i = 0; i < read.train.size(); ++i) {
    REQUIRE(read.train[i].taught.size() == 2);
    for (std::size_t c = 0; c < 2; ++c)
      CHECK(read.train[i].taught[c] == expected.logits(static_cast<index_t>(i), static_cast<index_t>(c)));
  }
  CHECK(pst::io::load_tensors(cache).at(0).bytes.size() == read.train.size() * 8);
  fs::rename(settings.teacher, job.path() / "moved");
  TrainingData again = load_training_data(settings, base);
  add_teacher(again, settings, cache);
  CHECK(again.train.back().taught == read.train.back().taught);
  again.fingerprint = "other";
  CHECK_THROWS_AS(add_teacher(again, settings, cache), pst::Error);  // it would have to be asked again
}

TEST_CASE("a taught run goes on to the same bytes, and another weight of the teacher gives others") {
  Job job;
  Settings settings = taught_by_dense_run(job);
  const auto state_in = [&](const char* name) {
    return common::read_file(snapshot_file(job.out(name), Checkpoint::last));
  };
  static_cast<void>(train_run(settings, job.out("whole"), {}));
  {
    BaseModel base = load_base(settings);
    TrainingData read = load_training_data(settings, base);
    const RunFolder folder{job.out("part"), settings};
    add_teacher(read, settings, job.out("part") / "teacher.safetensors");
    TrainingStep step{*base.loaded.model, read.train, settings};
    RunState state{.steps = 20, .base = base.fingerprint, .data = read.fingerprint};
    for (; state.step < 7; ++state.step) {
      step.rest_if_due(state.step);
      base.loaded.model->begin_step(state.step, 20);
      step(state.step);
    }
    folder.save(Checkpoint::last, {state, base.loaded.model->save(), step.optimizer().save()});
  }
  static_cast<void>(train_run(settings, job.out("part"), {}));
  CHECK(state_in("part") == state_in("whole"));
  settings.distillation.weight = 0.9;
  static_cast<void>(train_run(settings, job.out("other"), {}));
  CHECK(state_in("other") != state_in("whole"));
  settings.distillation.weight = 0;
  static_cast<void>(train_run(settings, job.out("weightless"), {}));
  settings.teacher.clear();
  settings.distillation = {};
  static_cast<void>(train_run(settings, job.out("alone"), {}));
  const auto loss_of = [&](const char* name) { return job.records(name).front().loss.value(); };
  CHECK(loss_of("weightless") == doctest::Approx(loss_of("alone")));
}

TEST_CASE("what cannot teach is refused") {
  Job job;
  Settings settings = taught_by_dense_run(job);
  const auto error = [&] { return error_of([&] { static_cast<void>(train_run(settings, job.out("none"), {})); }); };
  const auto has = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  const fs::path file = settings_file(settings.teacher);
  std::string other = common::read_file(file);
  other.replace(other.find("\"sst2\""), 6, "\"cola\"");
  common::write_file(file, other);
  CHECK(has(error(), ": is a run of the task cola, expected a teacher for sst2"));
  settings.teacher = job.path();
  CHECK(has(error(), "config.json"));
  settings.task = "text";
  CHECK(has(error_of([&] { check(settings); }), "only classes and numbers are learnt from one"));
  settings.task = "sst2";
  settings.distillation.weight = 1.5;
  CHECK(has(error_of([&] { check(settings); }), "the weight of the teacher is 1.5, expected at most 1"));
}

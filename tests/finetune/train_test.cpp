// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <csignal>
#include <fstream>
#include <iomanip>
#include <optional>
#include <sstream>
#include <tuple>

#include "common/files.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/run/trained_run.hpp"
#include "finetune/train/curves.hpp"
#include "finetune/train/report.hpp"
#include "training_job.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

std::string state_of(const fs::path& folder, Checkpoint which) {
  return common::read_file(snapshot_file(folder, which));
}

}  // namespace

TEST_CASE("twenty steps of every method lower the loss of a classifier") {
  for (const MethodInfo& info : methods()) {
    INFO(info.name);
    Job job;
    job.settings.method.name = info.name;
    if (info.adapter == "prefix" || info.adapter == "prompt") job.settings.method.virtual_tokens = 3;
    job.settings.score_rate = info.score_rate;
    const TrainResult result = job.train();
    CHECK(result.step == 20);
    CHECK(result.metric == "accuracy");
    double first = 0, last = 0;
    for (const Record& record : job.records()) {
      if (record.loss && record.step <= 5) first += *record.loss;
      if (record.loss && record.step > 15) last += *record.loss;
    }
    CHECK(last < first);
    if (info.name != "soft-movement" && info.has_target) CHECK(result.sparsity == (info.is_sparse ? 0.5 : 0));
  }
}

TEST_CASE("a classifier learns, and the best state that a run leaves scores what the run said") {
  Job job;
  job.settings.steps = 300;
  job.settings.evaluate_every = 50;
  job.settings.rate = 1e-3;
  const TrainResult result = job.train();
  REQUIRE(result.best);
  CHECK(*result.best > 0.85);
  CHECK(result.best_step >= 200);  // only the last part of the run has the sparsity that was asked for
  CHECK(result.sparsity == 0.5);
  const TrainedRun best = load_run(job.out(), Checkpoint::best);
  const auto dev = load_training_data(job.settings, load_base(job.settings)).dev[0].sequences;
  CHECK(evaluate(*best.model, find_task("sst2"), dev, 7).scores[0].value == doctest::Approx(*result.best));
  const TrainedRun last = load_run(job.out(), Checkpoint::last);
  CHECK(evaluate(*last.model, find_task("sst2"), dev, 7).scores[0].value == doctest::Approx(result.last.value()));
  CHECK(settings_text(last.settings) == settings_text(job.settings));
}

TEST_CASE("a language model learns, its best state is that with the lowest loss") {
  Job job{"gpt2"};
  job.settings.steps = 40;
  const TrainResult result = job.train();
  CHECK(result.metric == "-loss");
  const auto records = job.records();
  std::vector<double> losses;
  for (const Record& record : records)
    if (record.dev_loss) losses.push_back(*record.dev_loss);
  REQUIRE(losses.size() == 5);  // one before the first weight is pruned
  CHECK(losses.back() < 0.8 * losses.front());
  CHECK(result.best >= -losses[3]);
}

TEST_CASE("toolkit test 7: a run that goes on from any of its states ends with the same bytes") {
  struct Variant {
    std::string refresh, rest;
    bool train_embeddings;
  };
  for (const Variant& variant :
       {Variant{"every-3", "delta", false}, Variant{"every-3", "kept", false}, Variant{"every", "kept", true}}) {
    INFO(variant.refresh, ' ', variant.rest);
    Job job;
    job.settings.method.scores = "sample-2";
    job.settings.method.refresh = variant.refresh;
    job.settings.method.rest = variant.rest;
    job.settings.train_embeddings = variant.train_embeddings;
    job.settings.accumulation = 2;
    job.settings.batch = 4;
    job.settings.weight_decay = 0.01;
    job.train("whole", {.log_every = 3});
    const std::string last = state_of(job.out("whole"), Checkpoint::last);
    const std::string best = state_of(job.out("whole"), Checkpoint::best);

    // Saves all states of a second run, as a process would find them that was killed behind each; masks rest at 14.
    for (const std::int64_t stop : {1, 7, 10, 13, 14, 15, 20}) {
      INFO(stop);
      const std::string name = "part" + std::to_string(stop);
      job.train_until(stop, name);
      job.train(name, {.log_every = 1, .save_every = 4});
      CHECK(state_of(job.out(name), Checkpoint::last) == last);
      CHECK(state_of(job.out(name), Checkpoint::best) == best);
      CHECK(job.records(name).back().step == 20);
    }
    CHECK(job.train("whole").step == 20);  // a finished run is told again
    CHECK(state_of(job.out("whole"), Checkpoint::last) == last);
  }
}

TEST_CASE("a run does not go on with other data, but one whose state does not know its data does") {
  Job job;
  job.train_until(1);
  const fs::path log = job.out() / "metrics.jsonl", state = snapshot_file(job.out(), Checkpoint::last);
  common::write_file(log, "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.5}\n");
  const std::string records = common::read_file(log);
  const auto error = [&] { return error_of([&] { job.train(); }); };
  for (const char* name : {"train.tsv", "dev.tsv"}) {
    const fs::path file = job.path() / "data" / name;
    const std::string text = common::read_file(file);
    std::string changed = text;
    changed[changed.size() - 2] = changed[changed.size() - 2] == '0' ? '1' : '0';  // the last label
    common::write_file(file, changed);
    CHECK(error().find(": is of a run on other sequences (fingerprint ") != std::string::npos);
    CHECK(common::read_file(log) == records);
    common::write_file(file, text);
  }
  Snapshot older = read_snapshot(state);
  const std::string fingerprint = older.state.data;
  older.state.data.clear();
  write_snapshot(state, older);
  CHECK(error().empty());
  CHECK(read_snapshot(state).state.step == 20);
  CHECK(read_snapshot(state).state.data == fingerprint);
}

TEST_CASE("a run has diverged when its loss has doubled and grown by more than 1") {
  Job job;
  job.settings.method.name = "full";
  job.settings.rate = 1e-3;
  job.settings.steps = 100;
  const TrainResult fine = job.train();
  REQUIRE(fine.first_loss);
  REQUIRE(fine.last_loss);
  CHECK(*fine.last_loss < *fine.first_loss);
  const auto diverged = [](double first, double last) {
    TrainResult result;
    result.first_loss = first;
    result.last_loss = last;
    return has_diverged(result);
  };
  CHECK(diverged(0.7, 1.8));
  CHECK(!diverged(0.05, 0.3));
  CHECK(!diverged(4, 5.5));
  CHECK(!has_diverged({}));
}

TEST_CASE("the records of an interrupted run tell of every step once") {
  Job job;
  job.train("whole", {.log_every = 1});
  double losses = 0;
  for (const Record& record : job.records("whole")) losses += record.loss.value_or(0);

  const auto interrupted = [&](int signal) {
    BaseModel base = load_base(job.settings);
    const TrainingData read = load_training_data(job.settings, base);
    const RunFolder folder{job.out(), job.settings};
    Trainer trainer{job.settings, base, read, folder, {}};
    std::raise(signal);
    int found = 0;
    try {
      static_cast<void>(trainer.run());
    } catch (const Interrupted& by) {
      found = by.signal;
    }
    CHECK(found == signal);
  };
  for (const int signal : {SIGINT, SIGTERM, SIGINT}) interrupted(signal);
  const TrainResult result = job.train("out", {.log_every = 10, .save_every = 7});
  CHECK(state_of(job.out("whole"), Checkpoint::last) == state_of(job.out(), Checkpoint::last));

  std::vector<std::int64_t> steps;
  double told = 0, seconds = 0, tokens = 0;
  for (const Record& record : job.records()) {
    if (!record.loss) continue;
    const auto count = static_cast<double>(record.step - (steps.empty() ? 0 : steps.back()));
    steps.push_back(record.step);
    told += count * *record.loss;
    seconds += count * record.step_ms / 1000;
    tokens += count * record.step_ms / 1000 * record.tokens_per_second;
  }
  CHECK(steps == std::vector<std::int64_t>{1, 2, 7, 10, 14, 20});  // the third is stopped as it asks the dev data
  CHECK(told == doctest::Approx(losses));
  CHECK(result.step_ms == doctest::Approx(1000 * seconds / 20));
  CHECK(result.tokens_per_second == doctest::Approx(tokens / seconds));
}

TEST_CASE("the same run gives the same bytes, with any number of threads, and with blocks computed again") {
  Job job;
  job.settings.threads = 1;
  job.train("one");
  job.settings.threads = 3;
  job.settings.recompute = true;
  job.train("three");
  CHECK(state_of(job.out("one"), Checkpoint::last) == state_of(job.out("three"), Checkpoint::last));
  job.settings.seed = 44;
  job.train("other");
  CHECK(state_of(job.out("one"), Checkpoint::last) != state_of(job.out("other"), Checkpoint::last));
}

TEST_CASE("a batch in parts is the batch as a whole") {
  Job job;
  job.settings.method.name = "full";
  job.drop_nothing();  // what is dropped depends on the parts
  std::vector<std::vector<float>> after;
  for (const int parts : {1, 4}) {
    job.settings.accumulation = parts;
    job.settings.batch = 8 / parts;
    BaseModel base = load_base(job.settings);
    const TrainingData read = load_training_data(job.settings, base);
    TrainingStep step{*base.loaded.model, read.train, job.settings};
    CHECK(DataOrder{read.train.size(), job.settings}.batches_of(0).size() == static_cast<std::size_t>(parts));
    base.loaded.model->begin_step(0, 20);
    std::vector<float> gradients;
    step(0);
    for (const ModelParameter& each : base.loaded.model->parameters()) {
      const auto values = numbers(transformer::map(each.parameter.grad));
      gradients.insert(gradients.end(), values.begin(), values.end());
    }
    after.push_back(std::move(gradients));
  }
  CHECK(relative_error(after[0], after[1]) < 1e-4);
}

TEST_CASE("a run stops early when its score no longer rises, and says why") {
  for (const auto& [model, metric, sign] : {std::tuple{"bert", "accuracy", 1}, {"gpt2", "dev loss", -1}}) {
    Job job{model};
    job.settings.method.name = "full";
    job.settings.rate = 1e-30;
    job.settings.steps = 1000;
    job.settings.evaluate_every = 2;
    job.settings.patience = 3;
    const TrainResult result = job.train();
    CHECK(result.step == 8);
    CHECK(result.best_step == 2);
    INFO(result.stopped);
    std::ostringstream score;
    score << std::fixed << std::setprecision(4) << sign * result.best.value();
    CHECK(result.stopped.starts_with(std::string{"stopped at step 8 of 1000: "} + metric + " was " + score.str()));
    CHECK(job.train().stopped == result.stopped);
  }
}

TEST_CASE("a table shows the loss of a language model as a loss") {
  const auto table_of = [](const char* metric, std::optional<double> best, double last) {
    TrainResult result;
    result.metric = metric;
    result.best = best;
    result.last = last;
    std::ostringstream out;
    print_table(out, {}, {}, result);
    return out.str();
  };
  const std::string language = table_of("-loss", -2.5, -2.75);
  CHECK(language.starts_with("| method | task | dev loss best | at step | last |"));
  CHECK(language.find(" | 2.5000 | 0 | 2.7500 |") != std::string::npos);
  CHECK(table_of("-loss", std::nullopt, -2.75).find(" | none | 0 | 2.7500 |") != std::string::npos);
  CHECK(table_of("f1", 0.5, 0.25).find(" | 0.5000 | 0 | 0.2500 |") != std::string::npos);
}

TEST_CASE("a run that diverges stops with an error that names the step") {
  Job job;
  job.settings.method.beta = 1e21;
  const std::string said = error_of([&] { job.train(); });
  INFO(said);
  CHECK(said.starts_with("step "));
  CHECK(said.find(" of 20: ") != std::string::npos);
}

TEST_CASE("a state goes on with the model that it began from alone") {
  Job job;
  job.train();
  const Job other{"roberta"};
  for (const char* file : {"config.json", "model.safetensors"})
    fs::copy_file(other.settings.model / file, job.settings.model / file, fs::copy_options::overwrite_existing);
  CHECK_THROWS_AS(static_cast<void>(load_run(job.out(), Checkpoint::best)), pst::Error);
}

TEST_CASE("a damaged state is refused with a sentence") {
  Job job;
  job.train();
  const fs::path file = snapshot_file(job.out(), Checkpoint::last);
  const std::string whole = common::read_file(file);
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
    common::write_file(file, whole.substr(0, size));
    CHECK_THROWS_AS(static_cast<void>(load_run(job.out(), Checkpoint::last)), pst::Error);
    CHECK_THROWS_AS(job.train(), pst::Error);
  }
  CHECK_THROWS_AS(static_cast<void>(load_run(job.path(), Checkpoint::last)), pst::Error);
}

TEST_CASE("the curves of a run are drawn, of one without records too") {
  const std::vector<Record> records{{.step = 5, .sparsity = 0.1, .loss = 0.7},
                                    {.step = 10, .sparsity = 0.5, .dev_loss = 0.6, .scores = {{"accuracy", 0.75}}}};
  const std::string picture = draw_run("pst on sst2", records, 10);
  for (const char* part : {"<svg", "pst on sst2", "accuracy", "dev data", "Sparsity", "</svg>"})
    CHECK(picture.find(part) != std::string::npos);
  CHECK(picture.find("nan") == std::string::npos);
  CHECK(draw_run("nothing", {}, 0).find("nan") == std::string::npos);
  const std::vector<Record> dense{{.step = 5, .loss = 0.7},
                                  {.step = 10, .dev_loss = 0.6, .scores = {{"pearson", std::nan("")}}}};
  const std::string without = draw_run("full on stsb", dense, 10);
  CHECK(without.find("Sparsity") == std::string::npos);
  CHECK(without.find("Scores") == std::string::npos);
  CHECK(without.find("nan") == std::string::npos);
  CHECK(without.find("0.01") == std::string::npos);
  const std::vector<Record> constant{{.step = 5, .sparsity = 0.5, .loss = 0.7}, {.step = 10, .sparsity = 0.5}};
  CHECK(draw_run("pst on sst2", constant, 10).find("50.01") == std::string::npos);
}

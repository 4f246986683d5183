// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>
#include <pst/io/safetensors_writer.hpp>

#include <cmath>
#include <fstream>
#include <limits>

#include "common/files.hpp"
#include "finetune/run/metrics_log.hpp"
#include "finetune/run/run_folder.hpp"
#include "finetune/run/snapshot.hpp"
#include "io/files.hpp"
#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

Settings some_settings() {
  Settings settings;
  settings.task = "sst2";
  return settings;
}

Snapshot some_snapshot() {
  const std::vector<float> values{1.5F, -2, 0.1F, 7};
  const pst::Tensor tensor = pst::Tensor::from<float>("h.0/score.A", {2, 2}, values);
  return {{.step = 3,
           .steps = 9,
           .base = "abc",
           .data = "def",
           .best_score = 1.0 / 3.0,
           .best_step = 2,
           .evaluations_since_best = 1},
          {tensor},
          {{"encoder", {tensor}}, {"head", {tensor, pst::Tensor::from<float>("steps", {2, 2}, values)}}}};
}

bool holds(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a snapshot is read as it was written") {
  const TemporaryDirectory folder;
  const Snapshot snapshot = some_snapshot();
  write_snapshot(folder.path() / "state", snapshot);
  const Snapshot again = read_snapshot(folder.path() / "state");
  CHECK(again.state.step == 3);
  CHECK(again.state.steps == 9);
  CHECK(again.state.base == "abc");
  CHECK(again.state.data == "def");
  CHECK(again.state.best_score == snapshot.state.best_score);
  CHECK(again.state.best_step == 2);
  CHECK(again.state.evaluations_since_best == 1);
  REQUIRE(again.model.size() == 1);
  CHECK(again.model[0].name == "h.0/score.A");
  CHECK(again.model[0].bytes == snapshot.model[0].bytes);
  CHECK(again.optimizer.at("encoder").size() == 1);
  CHECK(pst::find(again.optimizer.at("head"), "steps").bytes == snapshot.model[0].bytes);
}

TEST_CASE("a file that is no snapshot is refused with a sentence") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "state";
  const auto refusal = [&](const std::string& run) {
    pst::io::write_safetensors(file, {}, {{"run", run}});
    return error_of([&] { static_cast<void>(read_snapshot(file)); });
  };
  CHECK(holds(refusal("nonsense"), "is not JSON"));
  CHECK(holds(refusal("[]"), "is not of a run"));
  CHECK(holds(refusal(R"({"format": "pst-finetune run 1"})"), "has no text base"));
  const std::string begin = R"({"format": "pst-finetune run 1", "base": "", )";
  CHECK(holds(refusal(begin + R"("steps": 5, "step": 6})"), "has no number step"));
  CHECK(holds(refusal(begin + R"("steps": -5, "step": 6})"), "has no number steps"));
  CHECK(holds(refusal(begin + R"("steps": 0, "step": 0})"), "has 0 steps"));
  CHECK(holds(refusal(begin + R"("steps": 5, "step": 5, "best_step": 6})"), "has no number best_step"));
  CHECK(holds(refusal(begin + R"("steps": 5, "step": 5, "best_step": 5, "evaluations_since_best": 0,)" +
                      R"("best_score": "high"})"),
              "best_score is no finite number"));
  pst::io::write_safetensors(file, {}, {});
  CHECK(holds(error_of([&] { static_cast<void>(read_snapshot(file)); }), "its metadata have no \"run\""));
}

TEST_CASE("a bit that flipped in a state is found") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "state.safetensors";
  write_snapshot(file, some_snapshot());
  static_cast<void>(read_snapshot(file));
  std::string bytes = common::read_file(file);
  bytes.back() ^= 1;
  common::write_file(file, bytes);
  CHECK(holds(error_of([&] { static_cast<void>(read_snapshot(file)); }), "is damaged, its tensors have the checksum "));
}

TEST_CASE("a log goes on behind the step that a run goes on from") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "metrics.jsonl";
  Record record{.step = 1, .epoch = 0.5, .sparsity = 0.25};
  {
    MetricsLog log{file, 0};
    for (record.step = 1; record.step <= 3; ++record.step) {
      record.loss = 1.0 / static_cast<double>(record.step);
      log.add(record);
    }
    log.add({.step = 3, .dev_loss = 0.5, .scores = {{"accuracy", 0.75}}});
  }
  std::ofstream{file, std::ios::app} << R"({"step": 4, "los)";  // the process died here
  MetricsLog log{file, 3};
  REQUIRE(log.records().size() == 3);  // the dev data are asked again
  CHECK(log.records()[2].loss == 1.0 / 3.0);
  CHECK(log.records()[2].sparsity == 0.25);
  log.add({.step = 3, .dev_loss = 0.5, .scores = {{"accuracy", 0.75}}});
  CHECK(log.csv().starts_with("step,epoch,sparsity,"));
  CHECK(log.csv().ends_with(",,0.5,0.75\n"));
  CHECK(MetricsLog{file, 4}.records().size() == 4);
  CHECK(MetricsLog{file, 1}.records().size() == 1);
}

TEST_CASE("a score that is undefined is null in the log, and nothing in its table") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "metrics.jsonl";
  MetricsLog{file, 0}.add({.step = 1, .dev_loss = 0.5, .scores = {{"pearson", std::nan("")}, {"spearman", 0.25}}});
  CHECK(holds(common::read_file(file), R"("scores":{"pearson":null,"spearman":0.25})"));
  const MetricsLog again{file, 5};
  CHECK(std::isnan(again.records().at(0).scores.at(0).value));
  CHECK(holds(again.csv(), ",0.5,,0.25\n"));
}

TEST_CASE("a log from a stranger is refused with a sentence") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "metrics.jsonl";
  for (const char* line : {"nonsense", "[]", "{}", R"({"step": -1})", R"({"step": 1, "loss": "low"})",
                           R"({"step": 1, "scores": 3})", R"({"step": 1, "scores": {"f1": "high"}})"}) {
    common::write_file(file, std::string{"{\"step\": 1}\n"} + line + "\n");
    CHECK(holds(error_of([&] { MetricsLog{file, 5}; }), "metrics.jsonl line 2"));
  }
}

TEST_CASE("the folder of a run is never taken for another one") {
  const TemporaryDirectory temporary;
  const fs::path folder = temporary.path() / "run";
  Settings settings = some_settings();
  {
    const RunFolder run{folder, settings};
    CHECK(!run.last());
    CHECK(holds(error_of([&] { RunFolder{folder, settings}; }), "another process trains there"));
  }
  {
    settings.batch = 16;  // nothing is there to lose yet
    const RunFolder run{folder, settings};
    CHECK(read_settings(folder).batch == 16);
    run.save(Checkpoint::last, some_snapshot());
  }
  std::ofstream{folder / "last" / ".pst-1-0.tmp"} << "half";  // what a process that died has left
  {
    settings.threads = 3;
    const RunFolder run{folder, settings};
    CHECK(run.last()->state.step == 3);
    CHECK(!fs::exists(folder / "last" / ".pst-1-0.tmp"));
  }
  settings.model = "/elsewhere";  // fingerprints tell whether it is the same
  CHECK(error_of([&] { RunFolder{folder, settings}; }).empty());
  settings.steps += 5;
  const std::string longer = error_of([&] { RunFolder{folder, settings}; });
  CHECK(holds(longer, "holds a run with other settings (steps = "));
  CHECK(holds(longer,
              "give another --out for a run of that length, or write what this one came to by `export --to-folder`"));
  settings.rate = 0.5;
  CHECK(holds(error_of([&] {
                RunFolder{folder, settings};
              }),
              "(rate = 0.001 there, 0.5 here): give another --out, or"));
  std::ofstream{temporary.path() / "precious"} << "text";
  CHECK(holds(error_of([&] { RunFolder{temporary.path(), settings}; }), "holds other files and no run"));
  CHECK(holds(error_of([&] { RunFolder{temporary.path() / "precious", settings}; }), "is a file"));
  CHECK(holds(error_of([&] { static_cast<void>(read_settings(temporary.path())); }), "it has no settings.json"));
}

TEST_CASE("settings that no run has written are never replaced") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "settings.json";
  for (const std::string text : {"{}", "[1, 2]", "not JSON", "", R"({"editor.tabSize": 2})"}) {
    common::write_file(file, text);
    const std::string error = error_of([&] { RunFolder{folder.path(), some_settings()}; });
    CHECK(error.starts_with(file.string()));
    CHECK(holds(error, " is not "));
    CHECK(holds(error, ": nothing is written to " + folder.path().string()));
    CHECK(common::read_file(file) == text);
    CHECK(!fs::exists(folder.path() / "last"));
  }
}

TEST_CASE("a folder is that of a run before anything else is in it, so a run that died early goes on") {
  const TemporaryDirectory temporary;
  const fs::path folder = temporary.path() / "run";
  Settings settings = some_settings();
  static_cast<void>(RunFolder{folder, settings});
  fs::remove(folder / "last");
  std::ofstream{folder / "last"} << "in the way";
  settings.batch = 16;
  CHECK(holds(error_of([&] { RunFolder{folder, settings}; }), (folder / "last").string() + ": cannot be made"));
  CHECK(read_settings(folder).batch == 16);
  fs::remove(folder / "last");
  fs::remove(folder / "best");
  std::ofstream{folder / ".pst-1-0.tmp"} << "half";
  CHECK(error_of([&] { RunFolder{folder, settings}; }).empty());
  CHECK(!fs::exists(folder / ".pst-1-0.tmp"));
}

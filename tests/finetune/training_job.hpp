// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "common/files.hpp"
#include "finetune/train/trainer.hpp"
#include "small_tokenizers.hpp"

namespace finetune::test {

/// A model and a task of its own: sentences of letters, which are positive where most of them are from a to m.
class Job {
 public:
  Settings settings;

  explicit Job(const std::string& model = "bert") {
    fs::create_directories(path() / "model");
    fs::create_directories(path() / "data");
    for (const char* file : {"config.json", "model.safetensors"})
      fs::copy_file(data / model / file, path() / "model" / file);
    write_small_tokenizer(model, path() / "model");
    settings.model = path() / "model";
    settings.data = path() / "data";
    settings.task = model == "gpt2" ? "text" : "sst2";
    settings.new_head = true;
    settings.batch = 8;
    settings.steps = 20;
    settings.evaluate_every = 10;
    settings.max_length = 12;
    settings.rate = 1e-2;
    settings.method.sparsity = 0.5;
    settings.threads = 2;
    write_task("train.tsv", 100, 1);
    write_task("dev.tsv", 40, 2);
    std::ofstream{path() / "data" / "train.txt"} << text(400);
    std::ofstream{path() / "data" / "valid.txt"} << text(40);
  }
  [[nodiscard]] const fs::path& path() const { return folder_.path(); }
  [[nodiscard]] fs::path out(const std::string& name = "out") const { return path() / name; }

  void drop_nothing() const {
    const fs::path file = path() / "model" / "config.json";
    nlohmann::json json = nlohmann::json::parse(common::read_file(file));
    for (const char* name : {"hidden_dropout_prob", "attention_probs_dropout_prob"}) json[name] = 0;
    common::write_file(file, json.dump());
  }
  /// From where the folder stands to the end.
  TrainResult train(const std::string& name = "out", Watch watch = {.log_every = 1}) const {
    BaseModel base = load_base(settings);
    const TrainingData read = load_training_data(settings, base);
    const RunFolder folder{out(name), settings};
    return Trainer{settings, base, read, folder, watch}.run();
  }
  /// Leaves the folder as a process of 20 steps would that was killed behind the step `stop`.
  void train_until(std::int64_t stop, const std::string& name = "out") const {
    BaseModel base = load_base(settings);
    const TrainingData read = load_training_data(settings, base);
    const RunFolder folder{out(name), settings};
    TrainingStep step{*base.loaded.model, read.train, settings};
    RunState state{.steps = 20, .base = base.fingerprint, .data = read.fingerprint};
    for (; state.step < stop; ++state.step) {
      step.rest_if_due(state.step);
      base.loaded.model->begin_step(state.step, 20);
      step(state.step);
    }
    folder.save(Checkpoint::last, {state, base.loaded.model->save(), step.optimizer().save()});
  }
  [[nodiscard]] std::vector<Record> records(const std::string& name = "out") const {
    return MetricsLog{out(name) / "metrics.jsonl", 1000}.records();
  }

 private:
  void write_task(const char* file, int rows, std::uint64_t seed) const {
    std::mt19937_64 random{seed};
    std::ofstream out{path() / "data" / file};
    out << "sentence\tlabel\n";
    for (int row = 0; row < rows; ++row) {
      const bool positive = random() % 2 == 0;
      for (std::uint64_t word = 0; word < 3 + random() % 5; ++word)
        out << static_cast<char>((positive ? 'a' : 'n') + random() % 13) << ' ';
      out << '\t' << positive << '\n';
    }
  }
  static std::string text(int lines) {
    std::string made;
    for (int line = 0; line < lines; ++line) made += "abc def ghi jkl mno\n";
    return made;
  }

  TemporaryDirectory folder_;
};

}  // namespace finetune::test

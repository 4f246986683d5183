// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/teacher.hpp"

#include <pst/core/error.hpp>
#include <pst/io/safetensors.hpp>
#include <pst/io/tensor_file.hpp>

#include "common/progress.hpp"
#include "finetune/evaluate/evaluate.hpp"
#include "finetune/run/trained_run.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

constexpr const char* taught_tensor = "taught";
constexpr const char* data_field = "data";  // of the metadata

struct Teacher {
  std::unique_ptr<Model> model;
  Tokenizer tokenizer;
};

Teacher load_teacher(const fs::path& path, const Task& task) {
  if (fs::exists(settings_file(path))) {
    TrainedRun run = load_run(path, Checkpoint::best);
    pst::require(run.settings.task == task.name, path.string(), ": is a run of the task ", run.settings.task,
                 ", expected a teacher for ", task.name);
    return {std::move(run.model), std::move(run.tokenizer)};
  }
  LoadedModel loaded =
      load_model(path, {.train_embeddings = false, .together = true}, transformer::dense_layers<float>());
  pst::require(loaded.made_new.empty(), path.string(), ": has no tensor \"",
               loaded.made_new.empty() ? "" : loaded.made_new.front(),
               "\", expected a model that was trained for the task, to teach it");
  loaded.model->refresh(1.0);
  return {std::move(loaded.model), load_tokenizer(path)};
}

Matrix asked_teacher(const TrainingData& data, const Settings& settings) {
  const Task& task = find_task(settings.task);
  const Teacher teacher = load_teacher(settings.teacher, task);
  check_fits(task, teacher.tokenizer, teacher.model->config());
  const TrainingData own = load_training_data(settings, teacher.tokenizer, teacher.model->config());
  pst::require(own.train.size() == data.train.size(), settings.teacher.string(), ": its tokenizer gives ",
               own.train.size(), " sequences, expected ", data.train.size(), " as the model's");
  common::Progress progress{"teacher", static_cast<long>(own.train.size()), 0, "sequences"};
  Matrix logits =
      evaluate(*teacher.model, task, own.train, static_cast<std::size_t>(settings.batch), [&](std::size_t done) {
        progress.show(static_cast<long>(done), "is asked");
      }).logits;
  progress.close();
  return logits;
}

void write_cache(const fs::path& cache, const Matrix& logits, const std::string& fingerprint) {
  const pst::Tensor tensor = pst::Tensor::from<float>(taught_tensor, {logits.rows(), logits.cols()},
                                                      {logits.data(), static_cast<std::size_t>(logits.size())});
  pst::io::save_tensors(cache, {tensor}, {{data_field, fingerprint}});
}

/// What is in the cache; no rows where it is of other data.
Matrix read_cache(const fs::path& cache, const std::string& fingerprint) {
  const pst::io::Safetensors file = pst::io::Safetensors::open(cache);
  const auto found = file.metadata().find(data_field);
  if (found == file.metadata().end() || found->second != fingerprint) return {};
  const pst::io::TensorEntry& entry = file.at(taught_tensor);
  const std::vector<float> numbers = file.read<float>(taught_tensor);
  pst::require(entry.shape.size() == 2, cache.string(), ": has a tensor of ", entry.shape.size(),
               " sides, expected a row for each sequence: remove the file, and the teacher is asked again");
  return Eigen::Map<const Matrix>{numbers.data(), entry.shape[0], entry.shape[1]};
}

}  // namespace

void add_teacher(TrainingData& data, const Settings& settings, const fs::path& cache) {
  Matrix logits;
  if (fs::exists(cache)) logits = read_cache(cache, data.fingerprint);
  if (logits.rows() == 0) {
    logits = asked_teacher(data, settings);
    write_cache(cache, logits, data.fingerprint);
  }
  pst::require(logits.rows() == static_cast<index_t>(data.train.size()), cache.string(), ": has ", logits.rows(),
               " rows, expected one for each of ", data.train.size(),
               " sequences: remove the file, and the teacher is asked again");
  for (index_t row = 0; row < logits.rows(); ++row)
    data.train[static_cast<std::size_t>(row)].taught.assign(logits.row(row).data(),
                                                            logits.row(row).data() + logits.cols());
}

}  // namespace finetune

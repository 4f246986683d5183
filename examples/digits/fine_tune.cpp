// SPDX-License-Identifier: Apache-2.0
#include <pst/io/tensor_file.hpp>
#include <pst/optim/adamw.hpp>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>

#include "archive.hpp"
#include "common/files.hpp"
#include "common/memory.hpp"
#include "model.hpp"
#include "run.hpp"

namespace digits {

namespace fs = std::filesystem;

namespace {

/// Goes through the images in a new random order again and again.
class Batches {
 public:
  Batches(index_t images, int batch, std::uint64_t seed)
      : order_(static_cast<std::size_t>(images)),
        batch_{static_cast<std::size_t>(batch)},
        next_{order_.size()},
        random_{seed} {
    std::iota(order_.begin(), order_.end(), index_t{0});
  }
  std::vector<index_t> next() {
    std::vector<index_t> chosen;
    while (chosen.size() < batch_) {
      if (next_ == order_.size()) {
        for (std::size_t i = order_.size(); i > 1; --i) std::swap(order_[i - 1], order_[random_() % i]);
        next_ = 0;
      }
      chosen.push_back(order_[next_++]);
    }
    return chosen;
  }

 private:
  std::vector<index_t> order_;
  std::size_t batch_, next_;
  std::mt19937_64 random_;
};

/// Rises over the first tenth of the run and falls to zero over the rest.
double rate_scale(double progress) { return std::min((progress + 0.01) / 0.1, (1.0 - progress) / 0.9); }

/// What trains: the layers' own parameters, layer norms and the classifier; embeddings stay. As the authors' code has
/// it (--reference), neither biases nor norms train, but here the classifier does, or there would be nothing to read.
std::vector<pst::Parameter<float>> trained_parameters(Model& model, bool reference) {
  std::vector<pst::Parameter<float>> list;
  const auto add = [&](const pst::Parameter<float>& parameter) { list.push_back(parameter); };
  model.encoder.for_each_projection([&](auto& projection) {
    projection.layer.for_each_parameter([&](const pst::Parameter<float>& parameter) {
      if (!reference || parameter.group != pst::ParameterGroup::bias) add(parameter);
    });
  });
  if (!reference) model.encoder.for_each_norm([&](auto& norm) { norm.for_each_parameter(add); });
  model.classifier.layer.for_each_parameter(add);
  return list;
}

double reached_sparsity(Model& model) {
  index_t kept = 0, all = 0;
  model.encoder.for_each_projection([&](auto& projection) {
    kept += projection.layer.kept();
    all += projection.weight.size();
  });
  return 1.0 - static_cast<double>(kept) / static_cast<double>(all);
}

/// Saves the sparse model, loads it again, and checks every weight, the zeros and the accuracy.
void save_and_check(Model& model, const Images& unseen, index_t batch, const fs::path& path, RunResult& result) {
  const pst::TensorList dense = masked_tensors(model);
  const fs::path whole = path.string() + ".dense";
  pst::io::save_tensors(whole, dense);
  result.dense_bytes = static_cast<long>(fs::file_size(whole));
  fs::remove(whole);

  pst::TensorList packed = dense;
  if (result.sparsity > 0)
    model.encoder.for_each_projection([&](auto& each) { compress(packed, each.name + ".weight"); });
  pst::io::save_tensors(path, packed);
  result.saved_bytes = static_cast<long>(fs::file_size(path));

  const pst::TensorList loaded = expanded(pst::io::load_tensors(path));
  for (const pst::Tensor& tensor : dense)
    pst::require(pst::find(loaded, tensor.name).bytes == tensor.bytes, path, ": tensor ", tensor.name,
                 " was read back with other values than were saved");
  Model again{transformer::dense_layers<float>()};
  again.load(loaded);
  again.attach();
  Model::Tape tape;
  index_t zeros = 0, pruned = 0;
  again.encoder.for_each_projection([&](auto& each) { zeros += (each.weight.array() == 0.0F).count(); });
  model.encoder.for_each_projection([&](auto& each) { pruned += each.weight.size() - each.layer.kept(); });
  pst::require(zeros >= pruned, path, " has ", zeros, " zeros, expected at least ", pruned);
  const double accuracy_again = accuracy(again, unseen, tape, batch);
  pst::require(accuracy_again == result.accuracy, path, " classifies ", accuracy_again, " of the images when loaded, ",
               result.accuracy, " before");
  result.reloaded = true;
}

}  // namespace

void fine_tune(const RunSpec& spec, const Settings& settings, const Split& images, const fs::path& out,
               const Report& report) {
  const common::MemoryMark mark;
  const auto seed = static_cast<std::uint64_t>(spec.seed);
  pst::LinearSpec layers = spec_of(spec.method, settings, spec.sparsity);
  layers.seed = 1000 * seed;
  Model model{transformer::layers_of<float>(layers)};
  model.load(pst::io::load_tensors(out / "pretrained.safetensors"));
  std::mt19937_64 random{seed};
  model.classifier.initialise(random);
  model.attach();

  const auto parameters = trained_parameters(model, settings.reference);
  RunResult result{.method = std::string{spec.method.name}, .target_sparsity = spec.sparsity, .seed = spec.seed};
  for (const auto& parameter : parameters) result.trainable += parameter.value.size();
  pst::AdamW<float> optimizer{{.learning_rate = settings.rate.value_or(spec.method.rate),
                               .group_rates = {.score = settings.score_rate.value_or(spec.method.score_rate)}}};
  Batches batches{images.labelled.count(), settings.batch, seed};
  Model::Tape tape;
  Matrix logits, grad;
  CurvePoint now;
  double seconds = 0;
  for (int step = 0; step < settings.steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const double progress = static_cast<double>(step) / settings.steps;
    const Images batch = images.labelled.pick(batches.next());
    model.begin_step(step, settings.steps);
    model.classify(batch.patches, tape, logits);
    now.loss = transformer::CrossEntropy{}(logits, batch.labels, grad);
    model.classify_backward(grad, tape);
    optimizer.step(parameters, rate_scale(progress));
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    now.step = step + 1;
    now.sparsity = reached_sparsity(model);
    const bool last = now.step == settings.steps;
    if (last) model.encoder.refresh(1.0);  // the last update moves the mask as well
    if (last || now.step * settings.evaluations / settings.steps > step * settings.evaluations / settings.steps) {
      now.sparsity = reached_sparsity(model);
      now.accuracy = accuracy(model, images.unseen, tape, settings.batch);
      result.curve.push_back(now);
    }
    report(now);
  }
  result.accuracy = now.accuracy;
  result.sparsity = now.sparsity;
  result.step_ms = 1000 * seconds / settings.steps;
  result.peak_mb = mark.growth_mb();
  save_and_check(model, images.unseen, settings.batch, out / "models" / (spec.name() + ".safetensors"), result);
  common::write_file(out / "runs" / (spec.name() + ".json"), to_json(result));
}

}  // namespace digits

// SPDX-License-Identifier: Apache-2.0
#include <pst/any/kept.hpp>
#include <pst/io/tensor_file.hpp>
#include <pst/optim/adamw.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
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

/// What trains, in two optimizers: the layers' own parameters, and biases, layer norms and the classifier; embeddings
/// stay. As the authors' code has it (--reference), neither biases nor norms train, but here the classifier does, or
/// there would be nothing to read.
class Training {
 public:
  Training(Model& model, const RunSpec& spec, const Settings& settings)
      : model_{model},
        reference_{settings.reference},
        options_{.learning_rate = settings.rate.value_or(spec.method.rate),
                 .group_rates = {.score = settings.score_rate.value_or(spec.method.score_rate)}} {
    collect();
  }
  /// The kept weights of all layers train from here on, and nothing else of them but biases.
  void train_kept() {
    model_.encoder.refresh(1.0);
    const pst::SharedCpu cpu = pst::share_cpu();
    model_.encoder.for_each_projection(
        [&](auto& each) { each.layer = pst::train_kept<float>(each.layer, transformer::view(each.bias), cpu); });
    of_layers_ = pst::AdamW<float>{options_};
    collect();
  }
  void step(double rate_scale, double kept_scale) {
    of_layers_.step(layers_, kept_scale);
    of_others_.step(others_, rate_scale);
  }
  [[nodiscard]] index_t trainable() const {
    index_t count = 0;
    for (const auto* list : {&layers_, &others_})
      for (const auto& parameter : *list) count += parameter.value.size();
    return count;
  }

 private:
  void collect() {
    layers_.clear();
    others_.clear();
    const auto add = [&](const pst::Parameter<float>& parameter) { others_.push_back(parameter); };
    model_.encoder.for_each_projection([&](auto& projection) {
      projection.layer.for_each_parameter([&](const pst::Parameter<float>& parameter) {
        const bool is_bias = parameter.group == pst::ParameterGroup::bias;
        if (!is_bias)
          layers_.push_back(parameter);
        else if (!reference_)
          add(parameter);
      });
    });
    if (!reference_) model_.encoder.for_each_norm([&](auto& norm) { norm.for_each_parameter(add); });
    model_.classifier.layer.for_each_parameter(add);
  }

  Model& model_;
  bool reference_;
  pst::AdamW<float>::Options options_;
  pst::AdamW<float> of_layers_{options_}, of_others_{options_};
  std::vector<pst::Parameter<float>> layers_, others_;
};

/// The step (from 0) from which on kept weights train where updates are factors; none in the authors' code.
int rest_step(const pst::LinearSpec& layers, const Settings& settings) {
  const bool has_rest = pst::uses_option(layers, "cooldown") && pst::uses_option(layers, "beta") && !settings.reference;
  return has_rest ? static_cast<int>(std::ceil((1 - layers.cooldown) * settings.steps)) : settings.steps;
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

  Training training{model, spec, settings};
  RunResult result{.method = std::string{spec.method.name}, .target_sparsity = spec.sparsity, .seed = spec.seed};
  result.trainable = training.trainable();
  const int rest = rest_step(layers, settings);
  Batches batches{images.labelled.count(), settings.batch, seed};
  Model::Tape tape;
  Matrix logits, grad;
  CurvePoint now;
  double seconds = 0;
  for (int step = 0; step < settings.steps; ++step) {
    const auto start = std::chrono::steady_clock::now();
    const double progress = static_cast<double>(step) / settings.steps;
    const Images batch = images.labelled.pick(batches.next());
    if (step == rest) training.train_kept();
    model.begin_step(step, settings.steps);
    model.classify(batch.patches, tape, logits);
    now.loss = transformer::CrossEntropy{}(logits, batch.labels, grad);
    model.classify_backward(grad, tape);
    const double kept_progress = static_cast<double>(step - rest) / std::max(1, settings.steps - rest);
    training.step(rate_scale(progress), rate_scale(step < rest ? progress : kept_progress));
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

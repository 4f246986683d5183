// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/estimate.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include <pst/any/policies/read_choices.hpp>

#include "common/memory.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/train/report.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Bytes of what backward needs from forward, for the longest batch of the data: matrices as wide as the model (20 in
/// each block), as its feed-forward layer (3), the probabilities of attention, and the logits of a language model with
/// their gradient, 128 rows at a time.
double activation_bytes(const Model& model, const std::vector<Sequence>& sequences, std::size_t batch) {
  const ModelConfig& config = model.config();
  const index_t in_front = model.virtual_tokens() ? model.virtual_tokens()->count : 0;
  std::vector<index_t> lengths;
  for (const Sequence& sequence : sequences) lengths.push_back(sequence.length() + in_front);
  std::ranges::sort(lengths, std::greater{});
  lengths.resize(std::min(batch, lengths.size()));
  double rows = 0;
  for (const index_t length : lengths) rows += static_cast<double>(length);
  const double squares = static_cast<double>(config.heads) * static_cast<double>(lengths.size()) *
                         static_cast<double>(lengths.front()) * static_cast<double>(lengths.front());
  const auto wide = static_cast<double>(20 * config.width + 3 * config.hidden);
  const double logits = config.objective == Objective::language_model
                            ? 2 * std::min(rows, 128.0) * static_cast<double>(config.vocabulary)
                            : 0.0;
  return sizeof(float) * (static_cast<double>(config.blocks) * (rows * wide + squares) + logits);
}

/// What one step takes at a point of the run; the first one, which makes room for everything, is not measured.
double measured_step(Model& model, TrainingStep& training_step, std::int64_t step, std::int64_t steps) {
  double seconds = 0;
  for (int turn = 0; turn < 2; ++turn) {
    const auto start = Clock::now();
    model.begin_step(step, steps);
    static_cast<void>(training_step(0));
    seconds = seconds_since(start);
  }
  return seconds;
}

void print_bytes(std::ostream& out, const char* what, double bytes) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "  %-34s %9.1f MB\n", what, bytes / (1 << 20));
  out << text.data();
}

void print_memory(std::ostream& out, const Settings& settings, Model& model, const TrainingData& data,
                  std::size_t optimizer_bytes) {
  double weights = 0, factors = 0, gradients = 0, masks = 0, scratch = 0;
  model.for_each_tensor(
      [&](const TensorPlace&, const Matrix& value, Layer*) { weights += static_cast<double>(value.size()); });
  double of_layers = 0;  // what the report of a layer counts besides masks and compressed weights
  for (const ModelParameter& each : model.parameters()) {
    const auto size = static_cast<double>(each.parameter.value.size());
    const pst::ParameterGroup group = each.parameter.group;
    const bool is_factor = group == pst::ParameterGroup::delta || group == pst::ParameterGroup::score;
    gradients += size;
    factors += is_factor ? size : 0.0;
    if (each.part == Part::layer) of_layers += is_factor ? 2 * size : size;
  }
  model.for_each_layer([&](Layer& layer) {
    const pst::MaskReport report = layer.layer.report();
    masks += static_cast<double>(report.training_bytes);
    scratch = std::max(scratch, static_cast<double>(report.scratch_bytes));  // layers share it
  });
  masks = std::max(0.0, masks - sizeof(float) * of_layers);
  const double activations = activation_bytes(model, data.train, static_cast<std::size_t>(settings.batch));
  out << "memory\n";
  print_bytes(out, "weights", sizeof(float) * weights);
  print_bytes(out, "factors and scores", sizeof(float) * factors);
  print_bytes(out, "gradients", sizeof(float) * gradients);
  print_bytes(out, "optimizer", static_cast<double>(optimizer_bytes));
  print_bytes(out, "masks, compressed weights, sums", masks);
  print_bytes(out, "scratch of the layers", scratch);
  print_bytes(out, "activations, at most about", activations);
  print_bytes(out, "together",
              sizeof(float) * (weights + factors + gradients) + static_cast<double>(optimizer_bytes) + masks + scratch +
                  activations);
  print_bytes(out, "peak of this process so far", common::MemoryMark::peak_mb() * (1 << 20));
}

}  // namespace

void print_estimate(std::ostream& out, const Settings& settings, BaseModel& base, const TrainingData& data) {
  Model& model = *base.loaded.model;
  TrainingStep training_step{model, data.train, settings};
  const std::int64_t all = training_step.order().steps();
  const auto steps = static_cast<double>(all);
  const double dense = measured_step(model, training_step, 0, all);
  const double sparse = measured_step(model, training_step, all, all);
  print_memory(out, settings, model, data, training_step.optimizer().bytes());

  // Layers use sparse products below a density of one quarter.
  const bool is_sparse = prunes(settings.method);
  const pst::ScheduleChoice schedule = pst::schedule_choice(layer_spec(settings.method, settings.seed));
  double dense_steps = 0;
  constexpr int points = 1000;
  for (int i = 0; i < points; ++i)
    if (!is_sparse || schedule.sparsity_at(i, points) < 0.75) dense_steps += steps / points;
  const double seconds = dense_steps * dense + (steps - dense_steps) * sparse;
  std::array<char, 320> text{};
  std::snprintf(text.data(), text.size(),
                "time\n  %.0f steps in %.2f epochs; a step takes %.0f ms at first and %.0f ms at the last sparsity:\n"
                "  about %.0f %s, evaluations aside\n",
                steps, training_step.order().epoch_at(training_step.order().steps()), 1000 * dense, 1000 * sparse,
                std::round(seconds < 120 ? seconds : seconds / 60), seconds < 120 ? "seconds" : "minutes");
  out << text.data();
}

}  // namespace finetune

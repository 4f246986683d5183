// SPDX-License-Identifier: Apache-2.0
#include "finetune/train/estimate.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <variant>
#include <vector>

#include <pst/any/policies/read_choices.hpp>

#include "common/memory.hpp"
#include "finetune/methods/methods.hpp"
#include "finetune/model/language_model.hpp"
#include "finetune/train/report.hpp"
#include "finetune/train/training_step.hpp"

namespace finetune {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

bool is_before(const transformer::EncoderConfig& config) { return config.norm == transformer::NormPlace::before; }

/// What a branch keeps of a row.
double kept_of(const PlacedBranch& branch, const transformer::EncoderConfig& config) {
  using transformer::BranchPlace;
  const auto width = static_cast<double>(config.width);
  const double inside = std::visit(
      [](const auto& policy) {
        if constexpr (requires { policy.width; })
          return 3.0 * static_cast<double>(policy.width);
        else
          return 0.0;
      },
      branch.policy);
  switch (branch.place) {
    case BranchPlace::activation: return static_cast<double>(config.hidden) + inside;
    case BranchPlace::beside_feed_forward: return inside;
    case BranchPlace::after_block: return (is_before(config) ? 1 : 2) * width + inside;
    default: return width + inside;
  }
}

/// What a step has once, besides: gradients, embeddings, and what each block reads.
double once(Model& model) {
  const transformer::EncoderConfig& blocks = model.encoder().config;
  return static_cast<double>((15 + (blocks.together ? 3 : 0) + blocks.blocks + 1) * blocks.width + blocks.hidden);
}

/// The most of each that some batches have.
RowsAndSquares largest(const Model& model, const std::vector<Sequence>& sequences,
                       const std::vector<std::vector<std::size_t>>& batches) {
  const index_t in_front = model.virtual_tokens() ? model.virtual_tokens()->rows() : 0;
  const index_t keys_in_front = model.virtual_tokens() ? model.virtual_tokens()->count : 0;
  RowsAndSquares most;
  for (const std::vector<std::size_t>& batch : batches) {
    index_t longest = 0, rows = 0;
    for (const std::size_t each : batch) {
      longest = std::max(longest, sequences[each].length());
      rows += sequences[each].length() + in_front;
    }
    const index_t squares = static_cast<index_t>(batch.size()) * (longest + in_front) * (longest + keys_in_front);
    most.rows = std::max(most.rows, static_cast<double>(rows));
    most.squares = std::max(most.squares, static_cast<double>(squares));
  }
  return most;
}

/// Bytes of activations, in the largest batch of the first hundred thousand steps or of an evaluation, which keeps
/// those of one block beside the scratch of the steps. Logits of a language model with their gradient come some rows at
/// a time.
double activation_bytes(Model& model, const TrainingData& data, const Settings& settings, DataOrder order) {
  const transformer::Encoder<float>& encoder = model.encoder();
  const RowsAndSquares block = kept_by_block(encoder.config, model.branches());
  const auto tapes =
      static_cast<double>(encoder.recompute ? 1 : std::max<index_t>(1, encoder.config.blocks - encoder.lowest_trained));
  RowsAndSquares step;
  const std::int64_t steps = std::min<std::int64_t>(order.steps(), 100000);
  for (std::int64_t number = 0; number < steps; ++number) {
    const RowsAndSquares found = largest(model, data.train, order.batches_of(number));
    step = {.rows = std::max(step.rows, found.rows), .squares = std::max(step.squares, found.squares)};
  }
  double most = tapes * (step.rows * block.rows + step.squares * block.squares);
  for (const DevSet& dev : data.dev) {
    const RowsAndSquares asked =
        largest(model, dev.sequences, batches_of_like_length(dev.sequences, static_cast<std::size_t>(settings.batch)));
    most = std::max(most, asked.rows * block.rows + asked.squares * block.squares);
  }
  const double logits =
      model.config().objective == Objective::language_model
          ? 2 * std::min(step.rows, double{logit_rows}) * static_cast<double>(model.config().vocabulary)
          : 0.0;
  return sizeof(float) * (most + step.rows * once(model) + logits);
}

double sequence_bytes(const std::vector<Sequence>& sequences) {
  double bytes = 0;
  for (const Sequence& each : sequences)
    bytes += static_cast<double>(sizeof(Sequence) + (each.ids.capacity() + each.types.capacity()) * sizeof(int) +
                                 each.taught.capacity() * sizeof(float));
  return bytes;
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
                  TrainingStep& training_step) {
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
  const double activations = activation_bytes(model, data, settings, training_step.order());
  double sequences = sequence_bytes(data.train);
  for (const DevSet& each : data.dev) sequences += sequence_bytes(each.sequences);
  const auto optimizer = static_cast<double>(training_step.optimizer().bytes());
  double saved = optimizer;
  for (const pst::Tensor& tensor : model.save()) saved += static_cast<double>(tensor.bytes.size());
  out << "memory\n";
  print_bytes(out, "weights", sizeof(float) * weights);
  print_bytes(out, "factors and scores", sizeof(float) * factors);
  print_bytes(out, "gradients", sizeof(float) * gradients);
  print_bytes(out, "optimizer", optimizer);
  print_bytes(out, "masks, compressed weights, sums", masks);
  print_bytes(out, "scratch of the layers", scratch);
  print_bytes(out, "activations of the largest batch", activations);
  print_bytes(out, "sequences of the data", sequences);
  print_bytes(out, "copy of the state, as it is saved", saved);
  print_bytes(
      out, "together",
      sizeof(float) * (weights + factors + gradients) + optimizer + masks + scratch + activations + sequences + saved);
  print_bytes(out, "peak of this process so far", common::MemoryMark::peak_mb() * (1 << 20));
}

}  // namespace

RowsAndSquares kept_by_block(const transformer::EncoderConfig& config, std::span<const PlacedBranch> branches) {
  double row = static_cast<double>((is_before(config) ? 8 : 7) * config.width + 2 * config.hidden);
  for (const PlacedBranch& branch : branches) row += kept_of(branch, config);
  return {.rows = row, .squares = static_cast<double>(config.heads)};
}

void print_estimate(std::ostream& out, const Settings& settings, BaseModel& base, const TrainingData& data) {
  Model& model = *base.loaded.model;
  TrainingStep training_step{model, data.train, settings};
  const std::int64_t all = training_step.order().steps();
  const auto steps = static_cast<double>(all);
  const double dense = measured_step(model, training_step, 0, all);
  const double sparse = measured_step(model, training_step, all, all);
  print_memory(out, settings, model, data, training_step);

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

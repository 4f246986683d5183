// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "dense.hpp"
#include "layer.hpp"
#include "table.hpp"
#include "tables.hpp"

namespace compare {

namespace {

/// A layer's column: `call` is timed, the parameters change before it.
Column column_of(Layer& layer, std::string what, std::function<void()> call) {
  return {std::move(what), "pst", std::move(call), [&layer] { layer.nudge(); }};
}

void add_layer(std::vector<Column>& columns, Layer& layer, Activations& at) {
  columns.push_back(column_of(layer, "PST step", [&] { layer.step(at); }));
  columns.push_back(column_of(layer, "- mask refresh", [&] { layer.begin_step(); }));
  columns.push_back({"- forward", "pst", [&] { layer.forward(at); }});
  columns.push_back({"- backward", "pst", [&] { layer.backward(at); }});
}

/// Each thing once, by its fastest library, in the order of the columns.
std::vector<Timing> fastest_of_each(const std::vector<Timing>& timings) {
  std::vector<Timing> best;
  for (const Timing& timing : timings)
    if (best.empty() || best.back().what != timing.what) best.push_back(fastest(timings, timing.what));
  return best;
}

nlohmann::ordered_json measure_training_steps(pst::Shape shape, const ExtraMemory& memory, Run& run) {
  const EigenMatrix weight = make_weight(shape);
  Activations at{shape, bench::many_tokens};
  Dense dense{run.libraries, weight, at};
  const auto layer = exact_layer(weight, run.options.sparsity, run.options.threads);
  const auto column_major = column_major_layer(weight, run.options.sparsity, run.options.threads);
  const auto at_rest = layer_at_rest(weight, run.options.sparsity, run.options.threads);
  const auto dense_at_rest = dense_gradient_at_rest(weight, run.options.sparsity, run.options.threads);
  const auto unpruned = unpruned_layer(weight, run.options.threads);
  const auto without_learner = layer_without_learner(weight, run.options.sparsity, run.options.threads);

  std::vector<Column> columns;
  dense.add_full_step(columns);
  dense.add_lora_step(columns);
  dense.add_forward(columns, product);
  add_layer(columns, *layer, at);
  columns.push_back(column_of(*column_major, "PST step, column-major weight", [&] { column_major->step(at); }));
  columns.push_back(column_of(*at_rest, "PST step, scores at rest", [&] { at_rest->step(at); }));
  columns.push_back(column_of(*dense_at_rest, "- all weights learn", [&] { dense_at_rest->step(at); }));
  columns.push_back(column_of(*unpruned, "low-rank update, nothing pruned", [&] { unpruned->step(at); }));
  columns.push_back(
      column_of(*without_learner, "pruned, nothing learns but the bias", [&] { without_learner->step(at); }));
  const std::vector<Timing> timings = in_rounds(columns, run.options.rounds, run.progress);

  const Timing& full = fastest(timings, full_step);
  Table table{{name_of(shape) + ", " + std::to_string(bench::many_tokens) + " tokens", "by", "ms", "quartiles",
               "of full step"}};
  for (const Timing& timing : fastest_of_each(timings))
    table.add({timing.what, timing.variant, median_of(timing), quartiles_of(timing), ratio_text(ratio(timing, full))});
  run.out << table << "\nExtra memory of PST: " << ratio_text(memory.reported) << " bytes per weight as reported, "
          << ratio_text(memory.process) << " as the process grew.\n\n";

  return {{"out", shape.out},
          {"in", shape.in},
          {"tokens", bench::many_tokens},
          {"fastest_full_step", full.variant},
          {"extra_bytes_per_weight", {{"reported", memory.reported}, {"process", memory.process}}},
          {"timings", to_json(timings)}};
}

}  // namespace

Part training_steps(pst::Shape shape, const Options& options, const ExtraMemory& memory) {
  const double libraries = 3, products = libraries * (3 + 2.2 + 1) + 10;
  return {"training steps of " + name_of(shape), work_of(shape, bench::many_tokens, products, options),
          [=](Run& run) { return measure_training_steps(shape, memory, run); }};
}

}  // namespace compare

// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include "layer.hpp"
#include "table.hpp"
#include "tables.hpp"

namespace compare {

namespace {

/// 1, 2, 4, ..., and all.
std::vector<int> thread_counts(int all) {
  std::vector<int> counts;
  for (int threads = 1; threads < all; threads *= 2) counts.push_back(threads);
  counts.push_back(all);
  return counts;
}

void add_layer(std::vector<Column>& columns, Layer& layer, Activations& at, const std::string& threads) {
  const auto nudge = [&layer] { layer.nudge(); };
  columns.push_back({"PST step", threads, [&] { layer.step(at); }, nudge});
  columns.push_back({"- mask refresh", threads, [&] { layer.begin_step(); }, nudge});
  columns.push_back({"- forward", threads, [&] { layer.forward(at); }});
}

nlohmann::ordered_json measure_more_threads(pst::Shape shape, Run& run) {
  const EigenMatrix weight = make_weight(shape);
  Activations at{shape, bench::many_tokens};
  const std::vector<int> counts = thread_counts(run.options.threads);
  std::vector<std::unique_ptr<Layer>> layers;
  std::vector<Column> columns;
  for (const int threads : counts)
    add_layer(columns, *layers.emplace_back(exact_layer(weight, run.options.sparsity, threads)), at,
              std::to_string(threads));
  const std::vector<Timing> timings = in_rounds(columns, run.options.rounds, run.progress);

  Table table{{name_of(shape) + ", " + std::to_string(bench::many_tokens) + " tokens", "threads", "ms", "quartiles",
               "speed-up"}};
  constexpr std::size_t things = 3;
  for (std::size_t thing = 0; thing < things; ++thing)
    for (std::size_t i = thing; i < timings.size(); i += things)
      table.add({timings[i].what, timings[i].variant, median_of(timings[i]), quartiles_of(timings[i]),
                 ratio_text(ratio(timings[thing], timings[i]))});
  run.out << table << '\n';
  return {{"out", shape.out}, {"in", shape.in}, {"tokens", bench::many_tokens}, {"timings", to_json(timings)}};
}

}  // namespace

Part more_threads(pst::Shape shape, const Options& options) {
  double products = 0;  // on one thread they take as many times longer as there are threads
  for (const int threads : thread_counts(options.threads)) products += 4.0 * options.threads / threads;
  return {"threads for " + name_of(shape), work_of(shape, bench::many_tokens, products, options),
          [=](Run& run) { return measure_more_threads(shape, run); }};
}

}  // namespace compare

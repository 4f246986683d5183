// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <optional>

#include "dense.hpp"
#include "layer.hpp"
#include "table.hpp"
#include "tables.hpp"

namespace compare {

namespace {

constexpr std::array<int, 11> percents{1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60};
const std::string forward = "forward", grad_x = "grad_x";

/// Sparse over dense time at each density.
struct Curve {
  const Timing& dense;
  std::array<double, percents.size()> ratios{};

  Curve(const std::vector<Timing>& timings, const std::string& sparse, const std::string& dense_name)
      : dense{fastest(timings, dense_name)} {
    std::size_t place = 0;
    for (const Timing& timing : timings)
      if (timing.what == sparse) ratios[place++] = ratio(timing, dense);
  }
  /// The density, in percent, up to which sparse is faster; between two that were measured on a straight line.
  [[nodiscard]] std::optional<double> crossing() const {
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      if (ratios[i] <= 1) continue;
      if (i == 0) return 0;
      const double way = (1 - ratios[i - 1]) / (ratios[i] - ratios[i - 1]);
      return percents[i - 1] + way * (percents[i] - percents[i - 1]);
    }
    return std::nullopt;
  }
  [[nodiscard]] std::string sentence(const std::string& name) const {
    const std::string beside = " than " + dense.variant + " (" + median_of(dense) + " ms)";
    const auto at = crossing();
    if (!at) return name + " is faster" + beside + " at all of these densities.\n";
    if (*at == 0) return name + " is slower" + beside + " at the lowest of these densities.\n";
    return name + " is faster" + beside + " up to a density of " + number(*at) + " %.\n";
  }
};

void add_layers(std::vector<Column>& columns, std::vector<std::unique_ptr<Layer>>& layers, const EigenMatrix& weight,
                Activations& at, int threads) {
  for (const int percent : percents) {
    Layer& layer = *layers.emplace_back(compressed_layer(weight, 1 - percent / 100.0, threads));
    const std::string density = std::to_string(percent) + " %";
    columns.push_back({forward, density, [&] { layer.forward(at); }});
    columns.push_back({grad_x, density, [&] { layer.backward(at); }});
  }
}

nlohmann::ordered_json measure_more_density(pst::Shape shape, Run& run) {
  const EigenMatrix weight = make_weight(shape);
  Activations at{shape, bench::many_tokens};
  Dense dense{run.libraries, weight, at};
  std::vector<std::unique_ptr<Layer>> layers;
  std::vector<Column> columns;
  add_layers(columns, layers, weight, at, run.options.threads);
  dense.add_forward(columns, dense_forward);
  dense.add_grad_x(columns);
  const std::vector<Timing> timings = in_rounds(columns, run.options.rounds, run.progress);

  const Curve forwards{timings, forward, dense_forward}, grads{timings, grad_x, dense_grad_x};
  Table table{{name_of(shape) + ", kept", "forward ms", "of dense", "grad_x ms", "of dense"}};
  for (std::size_t i = 0; i < percents.size(); ++i)
    table.add({timings[2 * i].variant, median_of(timings[2 * i]), ratio_text(forwards.ratios[i]),
               median_of(timings[2 * i + 1]), ratio_text(grads.ratios[i])});
  run.out << table << '\n' << forwards.sentence(forward) << grads.sentence(grad_x) << '\n';

  const auto crossing = [](const Curve& curve) {
    return curve.crossing() ? nlohmann::ordered_json(*curve.crossing()) : nlohmann::ordered_json();
  };
  return {{"out", shape.out},
          {"in", shape.in},
          {"tokens", bench::many_tokens},
          {"crossing_percent", {{"forward", crossing(forwards)}, {"grad_x", crossing(grads)}}},
          {"timings", to_json(timings)}};
}

}  // namespace

Part more_density(pst::Shape shape, const Options& options) {
  return {"densities of " + name_of(shape), work_of(shape, bench::many_tokens, 18, options),
          [=](Run& run) { return measure_more_density(shape, run); }};
}

}  // namespace compare

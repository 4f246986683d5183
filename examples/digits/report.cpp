// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

namespace digits {

namespace {

struct Summary {
  int count = 0;
  double sum = 0, squares = 0;

  void add(double value) {
    ++count;
    sum += value;
    squares += value * value;
  }
  [[nodiscard]] double mean() const { return sum / count; }
  /// The deviation of a sample: n - 1 in the denominator.
  [[nodiscard]] double deviation() const {
    return count < 2 ? 0.0 : std::sqrt(std::max(0.0, (squares - sum * sum / count) / (count - 1)));
  }
};

}  // namespace

void print_table(std::ostream& out, const std::vector<RunSpec>& specs, const std::vector<RunResult>& results) {
  out << "| method          | accuracy %   | sparsity % | trainable | ms/step | peak MB | saved kB | of dense |\n"
         "|-----------------|-------------:|-----------:|----------:|--------:|--------:|---------:|---------:|\n";
  for (const MethodInfo& info : method_table) {
    Summary accuracy, sparsity, step, peak, saved, dense;
    long trainable = 0;
    for (std::size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].method.name != info.name) continue;
      const RunResult& run = results[i];
      accuracy.add(100 * run.accuracy);
      sparsity.add(100 * run.sparsity);
      step.add(run.step_ms);
      peak.add(run.peak_mb);
      saved.add(static_cast<double>(run.saved_bytes) / 1000);
      dense.add(static_cast<double>(run.dense_bytes) / 1000);
      trainable = run.trainable;
    }
    if (accuracy.count == 0) continue;
    std::array<char, 200> line{};
    std::snprintf(line.data(), line.size(),
                  "| %-15s | %5.2f ± %4.2f | %10.2f | %9ld | %7.1f | %7.1f | %8.0f | %6.0f %% |\n",
                  std::string{info.title}.c_str(), accuracy.mean(), accuracy.deviation(), sparsity.mean(), trainable,
                  step.mean(), peak.mean(), saved.mean(), 100 * saved.mean() / dense.mean());
    out << line.data();
  }
}

}  // namespace digits

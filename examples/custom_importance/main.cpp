// SPDX-License-Identifier: Apache-2.0
// A metric of our own (input_norm.hpp), alone and as a term of a sum, beside plain magnitude.
#include <pst/pst.hpp>

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "input_norm.hpp"

/// Inputs of different loudness, a dense teacher, and what the teacher says.
struct Task {
  static constexpr pst::index_t in = 128, out = 64, tokens = 512;
  std::vector<float> x = std::vector<float>(tokens * in), weight = std::vector<float>(out * in);
  std::vector<float> target = std::vector<float>(tokens * out);
  std::vector<double> input_norms = std::vector<double>(in);

  Task() {
    std::mt19937 random{1};
    std::normal_distribution<float> normal;
    std::vector<float> loudness(in);
    for (float& one : loudness) one = std::exp(normal(random) / 2);
    for (float& one : weight) one = normal(random);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = loudness[i % in] * normal(random);
      input_norms[i % in] += x[i] * x[i] / tokens;
    }
    for (double& one : input_norms) one = std::sqrt(one);
    const pst::MatrixView<float> y{target.data(), tokens, out};
    pst::Reference{}.gemm_nt(1.0, {x.data(), tokens, in}, {weight.data(), out, in}, y);
  }
};

/// Prunes 70 % of the teacher's weight at once, fine-tunes the rest, and prints the error before and after.
template <class Layer>
void try_out(const char* name, Task& task, typename Layer::Options options) {
  constexpr pst::index_t tokens = Task::tokens, steps = 200;
  const pst::MatrixView<const float> x{task.x.data(), tokens, Task::in};
  std::vector<float> y(task.target.size()), grad_y(y.size());
  options.schedule.sparsity = 0.7;
  Layer layer{{.in = Task::in, .out = Task::out}, options};
  layer.attach({task.weight.data(), Task::out, Task::in});
  pst::AdamW<> optimizer{{.learning_rate = 0.003}};

  double first = 0, last = 0;
  for (int step = 1; step <= steps; ++step) {
    layer.begin_step(step, steps);
    layer.forward(x, {y.data(), tokens, Task::out});
    last = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float error = y[i] - task.target[i];
      last += error * error / static_cast<double>(y.size());
      grad_y[i] = 2 * error / tokens;
    }
    if (step == 1) first = last;
    layer.backward(x, {grad_y.data(), tokens, Task::out});
    optimizer.step(pst::parameters_of(layer));
  }
  std::printf("%-28s %10.2f %12.2f\n", name, first, last);
}

int main() {
  Task task;
  using Layer = pst::SparseLinear<>::with<pst::ConstantSchedule>::with<pst::MaskedGradient>;
  std::printf("%-28s %10s %12s\n", "mean squared error", "pruned", "fine-tuned");
  try_out<Layer::with<pst::Magnitude>>("Magnitude", task, {});
  try_out<Layer::with<InputNorm>>("InputNorm", task, {.importance = {.input_norms = task.input_norms}});

  using Both = pst::Sum<InputNorm, pst::RowColumnScore>;
  Both both;
  both.term<InputNorm>().input_norms = task.input_norms;
  try_out<Layer::with<Both>>("Sum<InputNorm, RowColumnScore>", task, {.importance = both});
}

// SPDX-License-Identifier: Apache-2.0
// Fine-tunes one linear layer and learns meanwhile which 90 % of its weights to drop.
#include <pst/pst.hpp>

#include <cstdio>
#include <iostream>
#include <random>
#include <vector>

/// A matrix of the engine's own: pst only ever sees a view of it.
struct Matrix {
  pst::index_t rows, cols;
  std::vector<float> numbers = std::vector<float>(static_cast<std::size_t>(rows * cols));

  [[nodiscard]] pst::MatrixView<float> view() { return {numbers.data(), rows, cols}; }
};

/// Numbers drawn from N(0, deviation^2), of which a fraction `zeros` is zero instead.
void fill(Matrix& matrix, std::mt19937& random, float deviation, double zeros = 0.0) {
  std::normal_distribution<float> normal{0.0F, deviation};
  std::bernoulli_distribution zero{zeros};
  for (float& number : matrix.numbers) number = zero(random) ? 0.0F : normal(random);
}

/// The mean squared error of y, and its gradient.
double loss_of(const Matrix& y, const Matrix& target, Matrix& grad_y) {
  double sum = 0;
  for (std::size_t i = 0; i < y.numbers.size(); ++i) {
    const float error = y.numbers[i] - target.numbers[i];
    sum += error * error;
    grad_y.numbers[i] = 2 * error / static_cast<float>(y.rows);
  }
  return sum / static_cast<double>(y.numbers.size());
}

int main() {
  constexpr pst::index_t in = 128, out = 64, tokens = 512, steps = 500;
  Matrix x{tokens, in}, y{tokens, out}, target{tokens, out}, grad_y{tokens, out}, weight{out, in}, noise{out, in};

  // The task: a sparse teacher. The layer starts from the teacher's weight, blurred by noise.
  std::mt19937 random{1};
  fill(x, random, 1.0F);
  fill(weight, random, 1.0F, 0.9);
  fill(noise, random, 0.3F);
  pst::Reference{}.gemm_nt(1.0, x.view(), weight.view(), target.view());
  for (std::size_t i = 0; i < noise.numbers.size(); ++i) weight.numbers[i] += noise.numbers[i];

  pst::SparseLinear<> layer{{.in = in, .out = out}, {.schedule = {.final_sparsity = 0.9}, .name = "student"}};
  layer.attach(weight.view());  // borrowed, never written to
  pst::AdamW<> optimizer{{.learning_rate = 0.01, .group_rates = {.score = 0.1}}};

  for (int step = 1; step <= steps; ++step) {
    layer.begin_step(step, steps);  // a new sparsity, new scores, a new mask
    layer.forward(x.view(), y.view());
    const double loss = loss_of(y, target, grad_y);
    layer.backward(x.view(), grad_y.view());
    optimizer.step(pst::parameters_of(layer));
    if (step == 1 || step % 50 == 0) std::printf("step %3d  sparsity %.3f  loss %7.4f\n", step, layer.sparsity(), loss);
  }

  const pst::MaskReport report = layer.report();
  pst::print(std::cout, {&report, 1});

  layer.begin_step(steps, steps);  // the parameters have changed since the last one
  layer.forward(x.view(), y.view());
  Matrix served{tokens, out};

  const pst::SparseMatrix<float, pst::BFloat16> sparse{layer.export_csr()};
  sparse.product(x.view(), served.view());
  std::printf("served from %zu bytes, %.2f of the dense weight\n", sparse.bytes(),
              static_cast<double>(sparse.bytes()) / static_cast<double>(weight.numbers.size() * sizeof(float)));

  std::printf("mean squared difference from forward: %.1e\n", loss_of(served, y, grad_y));
}

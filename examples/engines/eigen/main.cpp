// SPDX-License-Identifier: Apache-2.0
// An engine with Eigen's own column-major matrices, whose layers have different methods. Weights are read where they
// are, parameters and gradients lie in two vectors of the engine, and a whole model is one step of a flat optimizer.
#include <Eigen/Dense>
#include <pst/any.hpp>

#include <cstdio>
#include <random>

namespace {

using Eigen::MatrixXf;  // features x tokens: the bytes of tokens x features, row-major
using Eigen::VectorXf;

/// Activations as pst sees them.
pst::MatrixView<float> rows_of(MatrixXf& m) { return {m.data(), m.cols(), m.rows(), m.outerStride()}; }
pst::MatrixView<const float> rows_of(const MatrixXf& m) { return {m.data(), m.cols(), m.rows(), m.outerStride()}; }
/// A column-major weight, out x in.
pst::StridedView<float> weight_of(MatrixXf& m) { return {m.data(), m.rows(), m.cols(), 1, m.outerStride()}; }

MatrixXf random_matrix(Eigen::Index rows, Eigen::Index cols, float scale, std::mt19937& random) {
  std::normal_distribution<float> normal{0, scale};
  return MatrixXf::NullaryExpr(rows, cols, [&] { return normal(random); });
}

}  // namespace

int main() {
  constexpr pst::index_t width = 48, hidden = 96, tokens = 256, steps = 200;
  std::mt19937 random{1};
  MatrixXf feed_in = random_matrix(hidden, width, 0.15F, random), feed_out = random_matrix(width, hidden, 0.1F, random);
  const MatrixXf teacher = random_matrix(width, width, 0.15F, random);

  pst::LayerSet<> model;
  auto& first = model.add("feed.in", pst::read_spec("pst sparsity=0.9"), {.in = width, .out = hidden});
  auto& second = model.add("feed.out", pst::read_spec("lora delta_rank=4"), {.in = hidden, .out = width});
  first.attach(weight_of(feed_in));
  second.attach(weight_of(feed_out));
  VectorXf values(model.layout().own), gradients(model.layout().size);
  model.bind({values.data(), 1, values.size()}, {gradients.data(), 1, gradients.size()});

  VectorXf velocity = VectorXf::Zero(values.size());
  MatrixXf middle(hidden, tokens), y(width, tokens), grad_middle(hidden, tokens);
  for (pst::index_t step = 1; step <= steps; ++step) {
    const MatrixXf x = random_matrix(width, tokens, 1, random);
    model.begin_step(step, steps);
    first.forward(rows_of(x), rows_of(middle));
    const MatrixXf active = middle.cwiseMax(0.0F);
    second.forward(rows_of(active), rows_of(y));
    const MatrixXf error = y - teacher * x, grad_y = error * (2.0F / static_cast<float>(y.size()));
    second.backward(rows_of(active), rows_of(grad_y), rows_of(grad_middle));
    grad_middle.array() *= (middle.array() > 0).cast<float>();
    first.backward(rows_of(x), rows_of(grad_middle));
    velocity = 0.9F * velocity + gradients.head(values.size());  // nothing trains in place: both runs are as long
    values -= 0.02F * velocity;
    if (step == 1 || step % 50 == 0)
      std::printf("step %3td  loss %.4f  sparsity %.3f\n", step,
                  static_cast<double>(error.squaredNorm()) / width / tokens, model.at("feed.in").sparsity());
  }
  model.refresh(1.0);
  MatrixXf masked(width, hidden);  // W'^T: features of W' along its columns
  first.export_masked(rows_of(masked));
  const auto zeros = (masked.array() == 0).count();
  std::printf("%td of %td weights of feed.in are zero\n", zeros, masked.size());
  return zeros == static_cast<pst::index_t>(0.9 * width * hidden) ? 0 : 1;
}

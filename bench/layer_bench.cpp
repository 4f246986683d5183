// SPDX-License-Identifier: Apache-2.0
// The parts of a training step, and the step as a whole, beside full fine-tuning of a dense layer: y = x W^T,
// grad_x = grad_y W, grad_W = grad_y^T x. Neither side has an optimizer.
#include "axes.hpp"
#include "in_turns.hpp"

namespace {

using Pst = pst::SparseLinear<>;
using Movement = Pst::with<pst::Movement>::with<pst::Full>;

/// A layer and its dense counterpart, attached to the same numbers.
template <class Layer>
struct Step {
  using Matrix = bench::EigenMatrix;

  bench::Size size;
  const Matrix& x = bench::normal(size.tokens, size.shape.in, 1);
  const Matrix& grad_y = bench::normal(size.tokens, size.shape.out, 2);
  Matrix weight = bench::normal(size.shape.out, size.shape.in, 3);
  Matrix y{size.tokens, size.shape.out}, grad_x{size.tokens, size.shape.in}, grad_weight{size.shape.out, size.shape.in};
  Layer layer;

  explicit Step(const benchmark::State& state)
      : size{state}, layer{size.shape, {.schedule = {.final_sparsity = size.sparsity()}}} {
    layer.attach(bench::view(weight));
    begin_step();
    forward();
    backward();
  }
  [[nodiscard]] std::size_t bytes() { return layer.report().training_bytes; }

  void begin_step() { layer.begin_step(1.0); }
  void forward() { layer.forward(bench::view(x), bench::view(y)); }
  void backward() { layer.backward(bench::view(x), bench::view(grad_y), bench::view(grad_x)); }
  void dense_forward() { y.noalias() = x * weight.transpose(); }
  void dense_backward() {
    grad_x.noalias() = grad_y * weight;
    grad_weight.noalias() = grad_y.transpose() * x;
  }
};

/// What a refresh of the mask costs; its speed-up is that of the whole dense step over it.
template <class Layer>
void begin_step(benchmark::State& state) {
  Step<Layer> step{state};
  bench::in_turns(
      state, 0, step.bytes(), [&] { step.begin_step(); },
      [&] {
        step.dense_forward();
        step.dense_backward();
      });
}
template <class Layer>
void forward(benchmark::State& state) {
  Step<Layer> step{state};
  bench::in_turns(
      state, step.size.flops(), step.bytes(), [&] { step.forward(); }, [&] { step.dense_forward(); });
}
template <class Layer>
void backward(benchmark::State& state) {
  Step<Layer> step{state};
  bench::in_turns(
      state, 2 * step.size.flops(), step.bytes(), [&] { step.backward(); }, [&] { step.dense_backward(); });
}
template <class Layer>
void whole_step(benchmark::State& state) {
  Step<Layer> step{state};
  bench::in_turns(
      state, 3 * step.size.flops(), step.bytes(),
      [&] {
        step.begin_step();
        step.forward();
        step.backward();
      },
      [&] {
        step.dense_forward();
        step.dense_backward();
      });
}

BENCHMARK(begin_step<Pst>)->Apply(bench::steps);
BENCHMARK(forward<Pst>)->Apply(bench::steps);
BENCHMARK(backward<Pst>)->Apply(bench::steps);
BENCHMARK(whole_step<Pst>)->Apply(bench::steps);
BENCHMARK(begin_step<Movement>)->Apply(bench::steps);
BENCHMARK(forward<Movement>)->Apply(bench::steps);
BENCHMARK(backward<Movement>)->Apply(bench::steps);
BENCHMARK(whole_step<Movement>)->Apply(bench::steps);

}  // namespace

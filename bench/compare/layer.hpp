// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "operands.hpp"

namespace compare {

/// A layer of pst without its templates, so that one file compiles them.
class Layer {
 public:
  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  /// Changes the parameters a little: what an optimizer does between two steps.
  virtual void nudge() = 0;
  virtual void begin_step() = 0;
  virtual void forward(Activations& at) = 0;
  virtual void backward(Activations& at) = 0;
  void step(Activations& at) {
    begin_step();
    forward(at);
    backward(at);
  }

  /// How many numbers are trained.
  [[nodiscard]] virtual index_t trainable() = 0;
  /// What the layer holds besides the weight.
  [[nodiscard]] virtual std::size_t held_bytes() = 0;
};

/// As many threads as a layer takes when it is not told.
[[nodiscard]] int all_threads();

/// PST as it is by default, all of it learning, its mask refreshed in every step.
[[nodiscard]] std::unique_ptr<Layer> exact_layer(const EigenMatrix& weight, double sparsity, int threads);

/// The same on a weight whose columns are contiguous, as Eigen's and GPT-2's Conv1D are.
[[nodiscard]] std::unique_ptr<Layer> column_major_layer(const EigenMatrix& weight, double sparsity, int threads);

/// PST whose scores have stopped learning: the mask stays, and only what is kept needs a gradient.
[[nodiscard]] std::unique_ptr<Layer> layer_at_rest(const EigenMatrix& weight, double sparsity, int threads);

/// The same, whose pruned weights learn too: gradients of the update come from activations.
[[nodiscard]] std::unique_ptr<Layer> dense_gradient_at_rest(const EigenMatrix& weight, double sparsity, int threads);

/// A low-rank update of a weight of which nothing is pruned.
[[nodiscard]] std::unique_ptr<Layer> unpruned_layer(const EigenMatrix& weight, int threads);

/// A frozen weight under its mask; the bias alone trains.
[[nodiscard]] std::unique_ptr<Layer> layer_without_learner(const EigenMatrix& weight, double sparsity, int threads);

/// Nothing to train, and always in its compressed form: `backward` is grad_x alone.
[[nodiscard]] std::unique_ptr<Layer> compressed_layer(const EigenMatrix& weight, double sparsity, int threads);

/// y = x W'^T of the exact layer's weight as a SparseMatrix, for serving.
[[nodiscard]] std::function<void(Activations&)> sparse_matrix(const EigenMatrix& weight, double sparsity, int threads);

}  // namespace compare

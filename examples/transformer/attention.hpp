// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <span>

#include "transformer/projection.hpp"

namespace transformer {

/// How the rows of an activation fall into sequences.
struct Sequences {
  index_t tokens = 1;                     ///< rows per sequence
  std::span<const index_t> lengths = {};  ///< real tokens per sequence, the rest is padding; empty: all are real
};

/// Multi-head attention, out(softmax(Q K^T / sqrt(d)) V) (Vaswani et al., 2017), with four linear layers.
template <class Linear>
struct Attention {
  using Scalar = scalar_of<Linear>;

  /// What backward needs from forward, and its scratch.
  struct Tape {
    Matrix<Scalar> q, k, v, context;
    Matrix<Scalar> probability;  ///< one tokens x tokens square per sequence and head, on top of each other
    Matrix<Scalar> grad_context, grad_q, grad_k, grad_v, grad_part;
  };

  Projection<Linear> query, key, value, output;
  index_t heads = 1;
  bool causal = false;  ///< a token sees itself and what is before it (GPT-2), or everything (BERT)

  void forward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Matrix<Scalar>& y) {
    query.forward(x, tape.q);
    key.forward(x, tape.k);
    value.forward(x, tape.v);
    const index_t tokens = sequences.tokens;
    tape.context.resize(x.rows(), x.cols());
    tape.probability.resize(x.rows() * heads, tokens);
    for_each_head(x, tokens, [&](index_t square, auto head) {
      auto p = tape.probability.middleRows(square * tokens, tokens);
      p.noalias() = head(tape.q) * head(tape.k).transpose();
      softmax_rows(p, visible(sequences, square / heads));
      head(tape.context).noalias() = p * head(tape.v);
    });
    output.forward(tape.context, y);
  }

  void backward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, const Matrix<Scalar>& grad_y,
                Matrix<Scalar>& grad_x) {
    output.backward(tape.context, grad_y, tape.grad_context);
    for (Matrix<Scalar>* grad : {&tape.grad_q, &tape.grad_k, &tape.grad_v}) grad->resize(x.rows(), x.cols());
    const index_t tokens = sequences.tokens;
    const Scalar scale = inverse_root();
    Matrix<Scalar> grad_score(tokens, tokens);
    for_each_head(x, tokens, [&](index_t square, auto head) {
      const auto p = tape.probability.middleRows(square * tokens, tokens);
      head(tape.grad_v).noalias() = p.transpose() * head(tape.grad_context);
      grad_score.noalias() = head(tape.grad_context) * head(tape.v).transpose();
      for (index_t row = 0; row < tokens; ++row) {
        const Scalar mean = grad_score.row(row).dot(p.row(row));
        grad_score.row(row).array() = scale * p.row(row).array() * (grad_score.row(row).array() - mean);
      }
      head(tape.grad_q).noalias() = grad_score * head(tape.k);
      head(tape.grad_k).noalias() = grad_score.transpose() * head(tape.q);
    });
    query.backward(x, tape.grad_q, grad_x);
    key.backward(x, tape.grad_k, tape.grad_part);
    grad_x += tape.grad_part;
    value.backward(x, tape.grad_v, tape.grad_part);
    grad_x += tape.grad_part;
  }

  /// Calls `visit` with each of the four linear layers.
  template <class Visit>
  void for_each_projection(Visit&& visit) {
    visit(query);
    visit(key);
    visit(value);
    visit(output);
  }

 private:
  [[nodiscard]] Scalar inverse_root() const {
    return static_cast<Scalar>(1.0 / std::sqrt(static_cast<double>(query.weight.rows() / heads)));
  }
  [[nodiscard]] static index_t visible(Sequences sequences, index_t sequence) {
    return sequences.lengths.empty() ? sequences.tokens : sequences.lengths[static_cast<std::size_t>(sequence)];
  }
  /// `run(square, head)`: `head(matrix)` is the block of this sequence and head.
  template <class Run>
  void for_each_head(const Matrix<Scalar>& x, index_t tokens, Run&& run) const {
    const index_t width = x.cols() / heads;
    for (index_t square = 0; square < x.rows() / tokens * heads; ++square)
      run(square, [=, this](Matrix<Scalar>& all) {
        return all.block(square / heads * tokens, square % heads * width, tokens, width);
      });
  }
  template <class Block>
  void softmax_rows(Block& p, index_t keys) const {
    const Scalar scale = inverse_root();
    for (index_t row = 0; row < p.rows(); ++row) {
      const index_t seen = causal ? std::min(row + 1, keys) : keys;
      auto live = p.row(row).head(seen);
      live.array() = (scale * (live.array() - live.maxCoeff())).exp();
      live /= live.sum();
      p.row(row).tail(p.cols() - seen).setZero();
    }
  }
};

}  // namespace transformer

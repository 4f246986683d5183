// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

#include "transformer/branch.hpp"
#include "transformer/dropout.hpp"
#include "transformer/key_value_cache.hpp"
#include "transformer/key_value_prefix.hpp"
#include "transformer/projection.hpp"

namespace transformer {

/// How the rows of an activation fall into sequences.
struct Sequences {
  index_t tokens = 1;                     ///< rows per sequence
  std::span<const index_t> lengths = {};  ///< real tokens per sequence, the rest is padding; empty: all are real
  bool packed = false;                    ///< padding has no rows: a sequence has as many rows as its length
  std::uint64_t dropout_seed = 0;         ///< of this pass through the model; 0 drops nothing
};

/// Multi-head attention, out(softmax(Q K^T / sqrt(d)) V) (Vaswani et al., 2017), with four linear layers, or with two
/// where one layer gives query, key and value side by side.
template <class Scalar>
struct Attention {
  /// What backward needs from forward.
  struct Tape {
    Matrix<Scalar> q, k, v, context;
    Matrix<Scalar> probability;  ///< one tokens x (prefix + tokens) table per sequence and head, on top of each other
    typename Branch<Scalar>::Tape on_keys, on_values;
  };
  /// What no pass leaves for another: one for any number of attentions that run in turn.
  struct Scratch {
    Matrix<Scalar> grad_context, grad_q, grad_k, grad_v, grad_part, grad_score;
    Matrix<Scalar> together, dropped, grad_branch;
  };

  Projection<Scalar> query;  ///< without `key` and `value`, all three of them
  std::optional<Projection<Scalar>> key{}, value{};
  Projection<Scalar> output;
  index_t heads = 1;
  bool causal = false;  ///< a token sees itself and what is before it (GPT-2), or everything (BERT)
  Dropout dropout{};    ///< of probabilities; the seed tells this attention from others
  std::optional<Branch<Scalar>> on_keys{}, on_values{};
  KeyValuePrefix<Scalar> prefix{};  ///< in front of the keys and values of every sequence; empty: none

  void forward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Scratch& scratch, Matrix<Scalar>& y) {
    project(x, tape, scratch);
    tape.context.resize(x.rows(), width());
    tape.probability.resize(squares(x, sequences) * sequences.tokens, prefix.length() + sequences.tokens);
    for_each_head(x, sequences, [&](const Head& head) {
      auto p = head.table(tape.probability);
      score(head.of(tape.q), head.of(tape.k), head, p);
      softmax_rows(p, head.prefix + head.keys, head.prefix);
      const Dropout drop = dropout_of(head, sequences);
      if (drop.active())
        mix(dropped(p, drop, scratch.dropped), head.of(tape.v), head, head.of(tape.context));
      else
        mix(p, head.of(tape.v), head, head.of(tape.context));
    });
    output.forward(tape.context, y);
  }

  void backward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Scratch& scratch,
                const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    output.backward(tape.context, grad_y, scratch.grad_context);
    for (Matrix<Scalar>* grad : {&scratch.grad_q, &scratch.grad_k, &scratch.grad_v}) grad->resize(x.rows(), width());
    const Scalar scale = inverse_root();
    Matrix<Scalar>& grad_score = scratch.grad_score;
    for_each_head(x, sequences, [&](const Head& head) {
      const auto p = head.table(tape.probability);
      const Dropout drop = dropout_of(head, sequences);
      if (drop.active())
        values_backward(dropped(p, drop, scratch.dropped), head, scratch);
      else
        values_backward(p, head, scratch);
      grad_score.resize(head.rows, head.prefix + head.rows);
      grad_score.rightCols(head.rows).noalias() = head.of(scratch.grad_context) * head.of(tape.v).transpose();
      if (head.prefix > 0)
        grad_score.leftCols(head.prefix).noalias() = head.of(scratch.grad_context) * head.of(prefix.values).transpose();
      drop.apply(grad_score);
      for (index_t row = 0; row < head.rows; ++row) {
        const Scalar mean = grad_score.row(row).dot(p.row(row));
        grad_score.row(row).array() = scale * p.row(row).array() * (grad_score.row(row).array() - mean);
      }
      const auto own = grad_score.rightCols(head.rows);
      head.of(scratch.grad_q).noalias() = own * head.of(tape.k);
      head.of(scratch.grad_k).noalias() = own.transpose() * head.of(tape.q);
      if (head.prefix == 0) return;
      const auto before = grad_score.leftCols(head.prefix);
      head.of(scratch.grad_q).noalias() += before * head.of(prefix.keys);
      head.of(prefix.grad_keys) += before.transpose() * head.of(tape.q);
    });
    project_backward(x, tape, scratch, grad_x);
  }

  /// The same for the next tokens of some sequences: rows[s] of each sequence s, which `cache` has room for behind
  /// those that it remembers as those of block `block`. Nothing is dropped.
  void extend(const Matrix<Scalar>& x, std::span<const index_t> rows, KeyValueCache<Scalar>& cache, std::size_t block,
              Tape& tape, Scratch& scratch, Matrix<Scalar>& y) {
    project(x, tape, scratch);
    tape.context.resize(x.rows(), width());
    index_t row = 0;
    for (std::size_t s = 0; s < rows.size(); ++s) {
      auto keys = cache.keys(block, s), values = cache.values(block, s);
      const index_t before = cache.lengths()[s];
      keys.middleRows(before, rows[s]) = tape.k.middleRows(row, rows[s]);
      values.middleRows(before, rows[s]) = tape.v.middleRows(row, rows[s]);
      const index_t all = before + rows[s], head_width = width() / heads, in_front = prefix.length();
      if (tape.probability.rows() < rows[s] || tape.probability.cols() < in_front + keys.rows())
        tape.probability.resize(std::max(tape.probability.rows(), rows[s]), in_front + keys.rows());
      auto p = tape.probability.topLeftCorner(rows[s], in_front + all);
      for (index_t col = 0; col < width(); col += head_width) {
        const Head head{.rows = rows[s], .col = col, .width = head_width, .prefix = in_front};
        score(tape.q.block(row, col, rows[s], head_width), keys.block(0, col, all, head_width), head, p);
        softmax_rows(p, in_front + all, in_front + before);
        mix(p, values.block(0, col, all, head_width), head, tape.context.block(row, col, rows[s], head_width));
      }
      row += rows[s];
    }
    output.forward(tape.context, y);
  }

  /// Calls `visit` with each of the linear layers.
  template <class Visit>
  void for_each_projection(Visit&& visit) {
    visit(query);
    if (key) visit(*key);
    if (value) visit(*value);
    visit(output);
  }

 private:
  /// Where one head of one sequence is.
  struct Head {
    index_t number = 0, row = 0, rows = 0, keys = 0, col = 0, width = 0, tokens = 0, prefix = 0;

    [[nodiscard]] auto of(Matrix<Scalar>& all) const { return all.block(row, col, rows, width); }
    [[nodiscard]] auto table(Matrix<Scalar>& all) const { return all.block(number * tokens, 0, rows, prefix + rows); }
    /// Its part of keys or values in front of the sequences.
    template <class T>
    [[nodiscard]] auto of(pst::MatrixView<T> in_front) const {
      return map(in_front.middle_cols(col, width));
    }
  };

  /// p = q [P_K; k]^T
  template <class Q, class K, class P>
  void score(const Q& q, const K& k, const Head& head, P& p) const {
    p.rightCols(k.rows()).noalias() = q * k.transpose();
    if (head.prefix > 0) p.leftCols(head.prefix).noalias() = q * head.of(prefix.keys).transpose();
  }
  /// out = p [P_V; v]
  template <class P, class V, class Out>
  void mix(const P& p, const V& v, const Head& head, Out&& out) const {
    out.noalias() = p.rightCols(v.rows()) * v;
    if (head.prefix > 0) out.noalias() += p.leftCols(head.prefix) * head.of(prefix.values);
  }
  /// The gradients of [P_V; v].
  template <class P>
  void values_backward(const P& p, const Head& head, Scratch& scratch) {
    head.of(scratch.grad_v).noalias() = p.rightCols(head.rows).transpose() * head.of(scratch.grad_context);
    if (head.prefix > 0)
      head.of(prefix.grad_values) += p.leftCols(head.prefix).transpose() * head.of(scratch.grad_context);
  }
  void project(const Matrix<Scalar>& x, Tape& tape, Scratch& scratch) {
    if (key) {
      query.forward(x, tape.q);
      key->forward(x, tape.k);
      value->forward(x, tape.v);
    } else {
      query.forward(x, scratch.together);
      tape.q = scratch.together.leftCols(width());
      tape.k = scratch.together.middleCols(width(), width());
      tape.v = scratch.together.rightCols(width());
    }
    if (on_keys) on_keys->forward(tape.k, tape.on_keys);
    if (on_values) on_values->forward(tape.v, tape.on_values);
  }
  void project_backward(const Matrix<Scalar>& x, Tape& tape, Scratch& scratch, Matrix<Scalar>& grad_x) {
    if (on_keys) on_keys->backward(tape.on_keys, scratch.grad_k, scratch.grad_branch);
    if (on_values) on_values->backward(tape.on_values, scratch.grad_v, scratch.grad_branch);
    if (!key) {
      scratch.together.resize(x.rows(), 3 * width());
      scratch.together << scratch.grad_q, scratch.grad_k, scratch.grad_v;
      return query.backward(x, scratch.together, grad_x);
    }
    query.backward(x, scratch.grad_q, grad_x);
    key->backward(x, scratch.grad_k, scratch.grad_part);
    grad_x += scratch.grad_part;
    value->backward(x, scratch.grad_v, scratch.grad_part);
    grad_x += scratch.grad_part;
  }
  [[nodiscard]] index_t width() const { return output.bias.cols(); }
  [[nodiscard]] Scalar inverse_root() const {
    return static_cast<Scalar>(1.0 / std::sqrt(static_cast<double>(width() / heads)));
  }
  [[nodiscard]] Dropout dropout_of(const Head& head, Sequences sequences) const {
    if (sequences.dropout_seed == 0) return {};
    return Dropout{dropout.probability, sequences.dropout_seed ^ dropout.seed}.part(
        static_cast<std::uint64_t>(head.number));
  }
  template <class Block>
  [[nodiscard]] static const Matrix<Scalar>& dropped(const Block& p, const Dropout& drop, Matrix<Scalar>& scratch) {
    scratch = p;
    drop.apply(scratch);
    return scratch;
  }
  /// The number of heads in all sequences.
  [[nodiscard]] index_t squares(const Matrix<Scalar>& x, Sequences sequences) const {
    return heads * (sequences.packed ? static_cast<index_t>(sequences.lengths.size()) : x.rows() / sequences.tokens);
  }
  /// Calls `run` with every head of every sequence.
  template <class Run>
  void for_each_head(const Matrix<Scalar>& x, Sequences sequences, Run&& run) const {
    const index_t head_width = width() / heads;
    Head head{.width = head_width, .tokens = sequences.tokens, .prefix = prefix.length()};
    while (head.number < squares(x, sequences)) {
      const auto sequence = static_cast<std::size_t>(head.number / heads);
      head.keys = sequences.lengths.empty() ? sequences.tokens : sequences.lengths[sequence];
      head.rows = sequences.packed ? head.keys : sequences.tokens;
      for (index_t h = 0; h < heads; ++h, ++head.number) {
        head.col = h * head_width;
        run(std::as_const(head));
      }
      head.row += head.rows;
    }
  }
  /// `before` tokens stand before that of the first row.
  template <class Block>
  void softmax_rows(Block& p, index_t keys, index_t before = 0) const {
    const Scalar scale = inverse_root();
    for (index_t row = 0; row < p.rows(); ++row) {
      const index_t seen = causal ? std::min(before + row + 1, keys) : keys;
      auto live = p.row(row).head(seen);
      live.array() = (scale * (live.array() - live.maxCoeff())).exp();
      live /= live.sum();
      p.row(row).tail(p.cols() - seen).setZero();
    }
  }
};

extern template struct Attention<float>;
extern template struct Attention<double>;

}  // namespace transformer

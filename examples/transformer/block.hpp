// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "transformer/attention.hpp"
#include "transformer/gelu.hpp"
#include "transformer/layer_norm.hpp"

namespace transformer {

/// Where layer norm stands.
enum class NormPlace {
  before,  ///< x + f(norm(x)), as in GPT-2
  after    ///< norm(x + f(x)), as in BERT
};

/// The shape of an encoder; every block is the same.
struct EncoderConfig {
  index_t blocks = 4;
  index_t width = 96;
  index_t heads = 4;
  index_t hidden = 192;  ///< width of the feed-forward layer
  NormPlace norm = NormPlace::before;
  GeluForm gelu = GeluForm::exact;
  bool causal = false;
  bool together = false;           ///< query, key and value are one linear layer, called as `EncoderNames::together`
  double norm_epsilon = 1e-5;      ///< of every layer norm
  double attention_dropout = 0.0;  ///< of attention probabilities
  double dropout = 0.0;            ///< of what attention and the feed-forward layer give
};

/// What the layers of an encoder are called: "block0.query".
struct EncoderNames {
  std::string_view block = "block";  ///< in front of the number of a block
  std::string_view query = "query", key = "key", value = "value", together = "query_key_value";
  std::string_view attention_output = "attention_output", feed_in = "feed_in", feed_out = "feed_out";
  std::string_view norm1 = "norm1", norm2 = "norm2";
  std::string_view last_norm = "norm";

  /// The name of a layer in block `number`.
  [[nodiscard]] std::string in_block(index_t number, std::string_view layer) const {
    return std::string{block} + std::to_string(number) + "." + std::string{layer};
  }
};

/// Attention, then a feed-forward layer, each with layer norm and a way around it.
template <class Scalar>
struct Block {
  /// What backward needs from forward, besides what the block read.
  struct Tape {
    typename Attention<Scalar>::Tape attention;
    typename LayerNorm<Scalar>::Tape norm1, norm2;
    Matrix<Scalar> attention_in;  ///< empty where attention reads what the block reads
    Matrix<Scalar> feed_in, hidden, active;
    std::array<typename Branch<Scalar>::Tape, branch_place_names.size()> branches;
    typename LayerNorm<Scalar>::Tape norm_of_sum;  ///< in front of a branch behind the block
    Matrix<Scalar> normal_sum;
  };
  /// What no pass leaves for another: one for any number of blocks that run in turn.
  struct Scratch {
    typename Attention<Scalar>::Scratch attention;
    Matrix<Scalar> middle, grad, grad_part, grad_hidden, grad_dropped, grad_sum, grad_branch, grad_behind;
  };

  Attention<Scalar> attention;
  LayerNorm<Scalar> norm1, norm2;
  Projection<Scalar> feed_in, feed_out;
  Gelu<Scalar> gelu;
  NormPlace place;
  std::uint64_t number;  ///< tells the dropout of this block from that of others
  double dropout;
  std::array<std::optional<Branch<Scalar>>, branch_place_names.size()>
      branches{};  ///< those of keys and values: not here

  /// `make(name, shape)` gives the linear layer of that name.
  using MakeLayer = std::function<Projection<Scalar>(const std::string& name, pst::Shape shape)>;
  Block(index_t number_, const EncoderNames& names, const EncoderConfig& config, const MakeLayer& make)
      : attention{make_attention(number_, names, config, make)},
        norm1{names.in_block(number_, names.norm1), config.width, config.norm_epsilon},
        norm2{names.in_block(number_, names.norm2), config.width, config.norm_epsilon},
        feed_in{make(names.in_block(number_, names.feed_in), {config.width, config.hidden})},
        feed_out{make(names.in_block(number_, names.feed_out), {config.hidden, config.width})},
        gelu{config.gelu},
        place{config.norm},
        number{static_cast<std::uint64_t>(number_)},
        dropout{config.dropout} {}

  void forward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Scratch& scratch, Matrix<Scalar>& y) {
    forward_with(x, sequences, tape, scratch, y, [&](const Matrix<Scalar>& in, Matrix<Scalar>& out) {
      attention.forward(in, sequences, tape.attention, scratch.attention, out);
    });
  }
  /// The same for the next tokens of some sequences, as Attention::extend has it.
  void extend(const Matrix<Scalar>& x, std::span<const index_t> rows, KeyValueCache<Scalar>& cache, Tape& tape,
              Scratch& scratch, Matrix<Scalar>& y) {
    forward_with(x, {}, tape, scratch, y, [&](const Matrix<Scalar>& in, Matrix<Scalar>& out) {
      attention.extend(in, rows, cache, static_cast<std::size_t>(number), tape.attention, scratch.attention, out);
    });
  }

  /// `x` is what forward was given.
  void backward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Scratch& scratch,
                const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    if (place == NormPlace::before) {
      if (at(BranchPlace::after_block)) {
        scratch.grad_sum = grad_y;
        branch_backward(BranchPlace::after_block, tape, scratch, scratch.grad_sum);
      }
      const Matrix<Scalar>& grad_sum = at(BranchPlace::after_block) ? scratch.grad_sum : grad_y;
      feed_backward(sequences, tape, scratch, grad_sum, scratch.grad_part);
      norm2.backward(tape.norm2, scratch.grad_part, scratch.grad);
      scratch.grad += grad_sum;
      attention_backward(tape.attention_in, sequences, tape, scratch, scratch.grad_part);
      norm1.backward(tape.norm1, scratch.grad_part, grad_x);
      grad_x += scratch.grad;
    } else {
      norm2.backward(tape.norm2, grad_y, scratch.grad);
      if (auto& branch = at(BranchPlace::after_block)) {
        scratch.grad_sum.setZero(grad_y.rows(), grad_y.cols());
        branch->backward_from(tape.normal_sum, tape_of(BranchPlace::after_block, tape), scratch.grad, scratch.grad_sum);
        norm2.backward(tape.norm_of_sum, scratch.grad_sum, scratch.grad_sum);
        scratch.grad += scratch.grad_sum;
      }
      feed_backward(sequences, tape, scratch, scratch.grad, scratch.grad_part);
      scratch.grad_part += scratch.grad;
      norm1.backward(tape.norm1, scratch.grad_part, scratch.grad);
      attention_backward(x, sequences, tape, scratch, grad_x);
      grad_x += scratch.grad;
    }
  }

  /// Calls `visit` with each of the linear layers.
  template <class Visit>
  void for_each_projection(Visit&& visit) {
    attention.for_each_projection(visit);
    visit(feed_in);
    visit(feed_out);
  }
  /// Puts a branch in a place, instead of one that was there. `make(features)` makes it.
  template <class Make>
  void put_branch(BranchPlace where, Make&& make) {
    const index_t width = norm1.gain.value.cols();
    if (where == BranchPlace::keys)
      attention.on_keys.emplace(make(width));
    else if (where == BranchPlace::values)
      attention.on_values.emplace(make(width));
    else
      at(where).emplace(make(where == BranchPlace::activation ? feed_in.bias.cols() : width));
  }
  void remove_branches() {
    attention.on_keys.reset();
    attention.on_values.reset();
    for (auto& branch : branches) branch.reset();
  }
  /// Calls `visit` with each branch.
  template <class Visit>
  void for_each_branch(Visit&& visit) {
    for (auto* branch : {&attention.on_keys, &attention.on_values})
      if (*branch) visit(**branch);
    for (auto& branch : branches)
      if (branch) visit(*branch);
  }
  /// Calls `visit` with both layer norms.
  template <class Visit>
  void for_each_norm(Visit&& visit) {
    visit(norm1);
    visit(norm2);
  }

 private:
  /// `attend(in, out)` is the attention.
  template <class Attend>
  void forward_with(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Scratch& scratch, Matrix<Scalar>& y,
                    Attend&& attend) {
    if (place == NormPlace::before) {
      norm1.forward(x, tape.norm1, tape.attention_in);
      attend(tape.attention_in, scratch.middle);
      drop(0, sequences).apply(scratch.middle);
      branch_forward(BranchPlace::after_attention, tape, scratch.middle);
      scratch.middle += x;
      norm2.forward(scratch.middle, tape.norm2, tape.feed_in);
      feed_forward(sequences, tape, y);
      y += scratch.middle;
      branch_forward(BranchPlace::after_block, tape, y);
    } else {
      attend(x, scratch.middle);
      drop(0, sequences).apply(scratch.middle);
      branch_forward(BranchPlace::after_attention, tape, scratch.middle);
      scratch.middle += x;
      norm1.forward(scratch.middle, tape.norm1, tape.feed_in);
      feed_forward(sequences, tape, scratch.middle);
      scratch.middle += tape.feed_in;
      if (auto& branch = at(BranchPlace::after_block)) {
        norm2.forward(scratch.middle, tape.norm_of_sum, tape.normal_sum);
        branch->forward_from(tape.normal_sum, scratch.middle, tape_of(BranchPlace::after_block, tape));
      }
      norm2.forward(scratch.middle, tape.norm2, y);
    }
  }
  [[nodiscard]] static Attention<Scalar> make_attention(index_t block, const EncoderNames& names,
                                                        const EncoderConfig& config, const MakeLayer& make_layer) {
    const auto make = [&](std::string_view name, index_t out) {
      return make_layer(names.in_block(block, name), pst::Shape{config.width, out});
    };
    const Dropout dropout{config.attention_dropout, salt(static_cast<std::uint64_t>(block), 2)};
    if (config.together)
      return {.query = make(names.together, 3 * config.width),
              .output = make(names.attention_output, config.width),
              .heads = config.heads,
              .causal = config.causal,
              .dropout = dropout};
    return {.query = make(names.query, config.width),
            .key = make(names.key, config.width),
            .value = make(names.value, config.width),
            .output = make(names.attention_output, config.width),
            .heads = config.heads,
            .causal = config.causal,
            .dropout = dropout};
  }
  /// Different for every place in the encoder where something is dropped.
  [[nodiscard]] static std::uint64_t salt(std::uint64_t block, std::uint64_t use) {
    return pst::mix_bits(4 * block + use);
  }
  [[nodiscard]] Dropout drop(std::uint64_t use, Sequences sequences) const {
    if (sequences.dropout_seed == 0) return {};
    return Dropout{dropout, sequences.dropout_seed}.part(salt(number, use));
  }
  /// The gradient behind a dropout.
  [[nodiscard]] static const Matrix<Scalar>& through(const Dropout& dropout, const Matrix<Scalar>& grad,
                                                     Matrix<Scalar>& scratch) {
    if (!dropout.active()) return grad;
    scratch = grad;
    dropout.apply(scratch);
    return scratch;
  }
  void feed_forward(Sequences sequences, Tape& tape, Matrix<Scalar>& y) {
    feed_in.forward(tape.feed_in, tape.hidden);
    gelu.forward(tape.hidden, tape.active);
    branch_forward(BranchPlace::activation, tape, tape.active);
    feed_out.forward(tape.active, y);
    drop(1, sequences).apply(y);
    branch_forward(BranchPlace::after_feed_forward, tape, y);
    constexpr auto beside = BranchPlace::beside_feed_forward;
    if (at(beside)) at(beside)->forward_from(tape.feed_in, y, tape_of(beside, tape));
  }
  void feed_backward(Sequences sequences, Tape& tape, Scratch& scratch, const Matrix<Scalar>& grad_y,
                     Matrix<Scalar>& grad_x) {
    const Matrix<Scalar>& grad_out = before(BranchPlace::after_feed_forward, tape, scratch, grad_y);
    feed_out.backward(tape.active, through(drop(1, sequences), grad_out, scratch.grad_dropped), scratch.grad_hidden);
    branch_backward(BranchPlace::activation, tape, scratch, scratch.grad_hidden);
    gelu.backward(tape.hidden, scratch.grad_hidden, scratch.grad_hidden);
    feed_in.backward(tape.feed_in, scratch.grad_hidden, grad_x);
    constexpr auto beside = BranchPlace::beside_feed_forward;
    if (at(beside)) at(beside)->backward_from(tape.feed_in, tape_of(beside, tape), grad_y, grad_x);
  }
  /// From scratch.grad; `in` is what attention was given.
  void attention_backward(const Matrix<Scalar>& in, Sequences sequences, Tape& tape, Scratch& scratch,
                          Matrix<Scalar>& grad_x) {
    const Matrix<Scalar>& grad_out = before(BranchPlace::after_attention, tape, scratch, scratch.grad);
    attention.backward(in, sequences, tape.attention, scratch.attention,
                       through(drop(0, sequences), grad_out, scratch.grad_dropped), grad_x);
  }

  [[nodiscard]] std::optional<Branch<Scalar>>& at(BranchPlace where) {
    return branches[static_cast<std::size_t>(where)];
  }
  [[nodiscard]] static typename Branch<Scalar>::Tape& tape_of(BranchPlace where, Tape& tape) {
    return tape.branches[static_cast<std::size_t>(where)];
  }
  void branch_forward(BranchPlace where, Tape& tape, Matrix<Scalar>& y) {
    if (at(where)) at(where)->forward(y, tape_of(where, tape));
  }
  void branch_backward(BranchPlace where, Tape& tape, Scratch& scratch, Matrix<Scalar>& grad) {
    if (at(where)) at(where)->backward(tape_of(where, tape), grad, scratch.grad_behind);
  }
  /// The gradient of what a branch was given, from that of what came out.
  [[nodiscard]] const Matrix<Scalar>& before(BranchPlace where, Tape& tape, Scratch& scratch,
                                             const Matrix<Scalar>& grad) {
    if (!at(where)) return grad;
    scratch.grad_branch = grad;
    branch_backward(where, tape, scratch, scratch.grad_branch);
    return scratch.grad_branch;
  }
};

extern template struct Block<float>;
extern template struct Block<double>;

}  // namespace transformer

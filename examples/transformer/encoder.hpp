// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/any/together.hpp>
#include <pst/core/error.hpp>
#include <pst/core/random.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transformer/block.hpp"

namespace transformer {

/// A stack of blocks: embedded tokens go in, their meaning in context comes out.
///
/// The linear layers inside the blocks may be of different methods: LoRA in attention, PST in the feed-forward layers.
/// Embeddings and heads are the caller's.
template <class Scalar>
struct Encoder {
  /// What backward needs from forward: `input[b]` is what block b read. All blocks share their scratch, and those that
  /// backward does not reach, or computes again, one tape.
  struct Tape {
    std::vector<typename Block<Scalar>::Tape> blocks;
    typename Block<Scalar>::Scratch scratch;
    std::vector<Matrix<Scalar>> input;
    typename LayerNorm<Scalar>::Tape norm;
    Matrix<Scalar> grad_below;
    bool complete = false;  ///< whether the last pass kept all of this
  };

  EncoderConfig config;
  std::vector<Block<Scalar>> blocks;
  /// Backward ends above the blocks below this one: nothing trains in them, nor in what gives their input. The gradient
  /// of x is then left empty.
  index_t lowest_trained = 0;
  /// Backward computes each block again before it goes through it, so that what one block needs is in memory at a time,
  /// and what each has read. A step takes a forward more; results are the same bits.
  bool recompute = false;
  LayerNorm<Scalar> norm;     ///< behind the last block; only there when norms stand before the layers
  SharedRule<Scalar> rule{};  ///< of branches; blocks add to its gradient one after another

  /// Layers are called `block0.query` and so on, as `names` has it; `make` makes each of them.
  Encoder(const EncoderConfig& config_, const MakeProjection<Scalar>& make, const EncoderNames& names = {})
      : config{config_}, norm{std::string{names.last_norm}, config.width, config.norm_epsilon} {
    pst::require(config.heads > 0 && config.width % config.heads == 0, "an encoder of width ", config.width,
                 " cannot have ", config.heads, " heads: choose a divisor of the width");
    std::uint64_t number = 0;
    blocks.reserve(static_cast<std::size_t>(config.blocks));
    for (index_t b = 0; b < config.blocks; ++b)
      blocks.emplace_back(b, names, config,
                          [&](const std::string& name, pst::Shape shape) { return make(name, shape, number++); });
  }

  /// Once per optimizer step, before its first forward: the `step`-th of `steps`, from 1. Masks are refreshed and
  /// gradients are zero.
  void begin_step(index_t step, index_t steps) {
    check_shared();
    pst::begin_step_together(std::span<pst::AnyLinear<Scalar>* const>{layers()}, step, steps);
    if (IntrinsicLayers* const shared = shared_vector()) map(shared->parameter().grad).setZero();
    const auto zero = [](auto parameter) { map(parameter.grad).setZero(); };
    for_each_norm([&](auto& each) { each.for_each_parameter(zero); });
    rule.for_each_parameter(zero);
    for_each_branch([](Branch<Scalar>& branch) { branch.zero_gradients(); });
  }
  /// Puts a branch in a place of each block; their parameters are called `names`' block, "adapter", the place, and what
  /// they are. Threads are those of `on`.
  void put_branches(BranchPlace where, const typename Branch<Scalar>::Policy& policy, std::uint64_t seed,
                    const EncoderNames& names, const pst::SharedCpu& on) {
    index_t number = 0;
    const pst::Parameter<Scalar> shared = rule.shared_by(policy, seed, on);
    for (auto& block : blocks) {
      const std::string name = names.in_block(number++, "adapter." + std::string{name_of(where)});
      block.put_branch(where, [&](index_t features) {
        return Branch<Scalar>{policy, features, name, pst::derive_seed(seed, name), on, shared};
      });
    }
  }
  void remove_branches() {
    for (auto& block : blocks) block.remove_branches();
    rule.remove();
  }
  /// Before an evaluation, at a progress of 0 to 1: masks and weights are those of the parameters as they are.
  void refresh(double progress) {
    check_shared();
    pst::refresh_together(std::span<pst::AnyLinear<Scalar>* const>{layers()}, progress);
  }
  /// Once after the weights are filled.
  void attach() {
    for_each_projection([](auto& projection) { projection.attach(); });
  }

  /// Puts vectors in front of the keys and values of every block: l x (2 blocks width), the columns of a block's keys
  /// and then of its values behind those of the blocks before. Gradients are added to `grad`. Both keep their place;
  /// they are no parameters of the encoder. Empty ones take the prefix away.
  void set_prefix(pst::MatrixView<const Scalar> vectors, pst::MatrixView<Scalar> grad) {
    const bool fits = vectors.data == nullptr || (vectors.cols == 2 * config.blocks * config.width &&
                                                  grad.rows == vectors.rows && grad.cols == vectors.cols);
    pst::require(fits, "a prefix is ", vectors.rows, " x ", vectors.cols, " and its gradient ", grad.rows, " x ",
                 grad.cols, ", expected ", 2 * config.blocks * config.width, " columns and as many rows in both");
    index_t number = 0;
    for (auto& block : blocks)
      block.attention.prefix = vectors.data == nullptr ? KeyValuePrefix<Scalar>{}
                                                       : prefix_of_block<Scalar>(vectors, grad, number++, config.width);
  }

  void forward(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Matrix<Scalar>& y) {
    tape.blocks.resize(std::max<std::size_t>(1, tape_of(blocks.size())));
    tape.input.resize(blocks.size() + 1);
    tape.complete = true;
    tape.input[0] = x;
    for (std::size_t b = 0; b < blocks.size(); ++b)
      blocks[b].forward(tape.input[b], sequences, tape.blocks[tape_of(b)], tape.scratch, tape.input[b + 1]);
    finish(tape.input.back(), tape, y);
  }
  /// The same where no backward can follow: the blocks share one tape.
  void infer(const Matrix<Scalar>& x, Sequences sequences, Tape& tape, Matrix<Scalar>& y) {
    through_blocks(x, tape, y, [&](Block<Scalar>& block, const Matrix<Scalar>& in, Matrix<Scalar>& out) {
      block.forward(in, sequences, tape.blocks.front(), tape.scratch, out);
    });
  }
  /// The same for the next rows[s] tokens of each sequence s of `cache`, which they are added to; for causal attention,
  /// without dropout. No backward can follow either.
  void extend(const Matrix<Scalar>& x, std::span<const index_t> rows, KeyValueCache<Scalar>& cache, Tape& tape,
              Matrix<Scalar>& y) {
    check_extension(x, rows, cache);
    cache.make_room(rows);
    through_blocks(x, tape, y, [&](Block<Scalar>& block, const Matrix<Scalar>& in, Matrix<Scalar>& out) {
      block.extend(in, rows, cache, tape.blocks.front(), tape.scratch, out);
    });
    cache.advance(rows);
  }
  void backward(Sequences sequences, Tape& tape, const Matrix<Scalar>& grad_y, Matrix<Scalar>& grad_x) {
    pst::require(tape.complete, "the last pass of the encoder kept nothing for backward: call forward before it");
    if (has_last_norm())
      norm.backward(tape.norm, grad_y, grad_x);
    else
      grad_x = grad_y;
    for (std::size_t b = blocks.size(); b-- > static_cast<std::size_t>(lowest_trained);) {
      auto& of_block = tape.blocks[tape_of(b)];
      if (recompute && b + 1 < blocks.size())
        blocks[b].forward(tape.input[b], sequences, of_block, tape.scratch, tape.grad_below);
      blocks[b].backward(tape.input[b], sequences, of_block, tape.scratch, grad_x, tape.grad_below);
      grad_x.swap(tape.grad_below);
    }
    if (lowest_trained > 0) grad_x.resize(0, 0);
  }

  /// Calls `visit` with each linear layer and its weights, in a fixed order.
  template <class Visit>
  void for_each_projection(Visit&& visit) {
    for (auto& block : blocks) block.for_each_projection(visit);
  }
  /// The vector that layers share, where they do: it is one for the whole encoder. It is no parameter of a layer.
  [[nodiscard]] IntrinsicLayers* shared_vector() {
    IntrinsicLayers* found = nullptr;
    for_each_projection([&](Projection<Scalar>& projection) {
      if (projection.shared) found = projection.shared.get();
    });
    return found;
  }
  /// Calls `visit` with each layer norm.
  template <class Visit>
  void for_each_norm(Visit&& visit) {
    for (auto& block : blocks) block.for_each_norm(visit);
    if (has_last_norm()) visit(norm);
  }
  /// Calls `visit` with each branch.
  template <class Visit>
  void for_each_branch(Visit&& visit) {
    for (auto& block : blocks) block.for_each_branch(visit);
  }
  /// Calls `visit` with every parameter that trains.
  template <class Visit>
  void for_each_parameter(Visit&& visit) {
    for_each_projection([&](auto& projection) { projection.layer.for_each_parameter(visit); });
    for_each_norm([&](auto& each) { each.for_each_parameter(visit); });
    for_each_branch([&](auto& each) { each.for_each_parameter(visit); });
    rule.for_each_parameter(visit);
  }

 private:
  /// `run(block, in, out)` is what each does.
  template <class Run>
  void through_blocks(const Matrix<Scalar>& x, Tape& tape, Matrix<Scalar>& y, Run&& run) {
    tape.blocks.resize(1);
    tape.input.resize(2);
    tape.complete = false;
    Matrix<Scalar>*in = &tape.input.front(), *out = &tape.input.back();
    *in = x;
    for (auto& block : blocks) {
      run(block, *in, *out);
      std::swap(in, out);
    }
    finish(*in, tape, y);
  }
  /// Behind the last block.
  void finish(const Matrix<Scalar>& last, Tape& tape, Matrix<Scalar>& y) {
    if (has_last_norm())
      norm.forward(last, tape.norm, y);
    else
      y = last;
  }
  void check_shared() {
    if (IntrinsicLayers* const shared = shared_vector()) shared->check();
  }
  [[nodiscard]] std::vector<pst::AnyLinear<Scalar>*> layers() {
    std::vector<pst::AnyLinear<Scalar>*> list;
    for_each_projection([&](Projection<Scalar>& projection) { list.push_back(&projection.layer); });
    return list;
  }
  /// Throws before anything has changed.
  void check_extension(const Matrix<Scalar>& x, std::span<const index_t> rows,
                       const KeyValueCache<Scalar>& cache) const {
    pst::require(config.causal, "tokens are added behind others, but attention is not causal");
    pst::require(cache.blocks() == config.blocks && cache.width() == config.width, "the cache is for ", cache.blocks(),
                 " blocks of width ", cache.width(), ", the encoder has ", config.blocks, " of width ", config.width);
    index_t left = x.rows();
    for (const index_t count : rows) {
      pst::require(count >= 0, count, " tokens are added to a sequence, expected 0 or more");
      left -= std::min(count, left + 1);  // a sum could overflow
    }
    pst::require(left == 0 && x.cols() == config.width, "x is ", x.rows(), " x ", x.cols(),
                 ", expected as many rows as tokens are added and ", config.width, " columns");
  }
  /// Where in the tape is what backward needs of a block: those that it does not reach write over each other.
  [[nodiscard]] std::size_t tape_of(std::size_t block) const noexcept {
    const auto lowest = static_cast<std::size_t>(lowest_trained);
    return recompute || block < lowest ? 0 : block - lowest;
  }
  [[nodiscard]] bool has_last_norm() const noexcept { return config.norm == NormPlace::before; }
};

extern template struct Encoder<float>;
extern template struct Encoder<double>;

}  // namespace transformer

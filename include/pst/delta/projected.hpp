// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "pst/concepts/delta.hpp"
#include "pst/core/error.hpp"
#include "pst/core/fastfood.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/random.hpp"
#include "pst/core/strided_view.hpp"
#include "pst/delta/intrinsic_vector.hpp"

namespace pst::PST_ABI {

/// W~ = W0 + lambda P z, where z is one vector of k numbers for the whole model and P a random projection of the
/// layer's own: an intrinsic dimension (Li et al. 2018; Aghajanyan et al. 2021). lambda is 1, or with `scaled` a number
/// of the layer that trains (SAID).
///
/// P is a stack of Fastfood blocks (Le et al. 2013) of n = 2^ceil(log2 k) outputs each, H G Pi H B pad(z) / (n sqrt(D /
/// n)) for a weight of D numbers: H the Walsh-Hadamard matrix of +-1, B signs, Pi a permutation, G normal numbers, all
/// drawn by position from the seed, so that nothing of the weight's size is stored. The sum of G^2, by whose root the
/// authors divide, is taken as n; E |P z|^2 = |z|^2. Gradients are dz = P^T dW~ lambda and dlambda = <dW~, P z>.
///
/// z is read when the layer is refreshed (a copy is kept), and its gradient is the shared one: `IntrinsicVector` says
/// who zeroes it. The vector must outlive the layer. Every tile of W~ costs two transforms of its blocks.
/// @ingroup delta
template <class Backend, class Number>
struct Projected {
  using role = roles::delta;
  static constexpr bool in_place = false;
  static constexpr bool learns = true;
  IntrinsicVector<Backend, Number>* vector = nullptr;
  bool scaled = false;

  template <class B, class Scalar>
  class State {
    static_assert(std::same_as<B, Backend> && std::same_as<Scalar, Number>);
    using ConstView = ViewOn<B, const Scalar>;
    using MutableView = ViewOn<B, Scalar>;

   public:
    State(const Projected& delta, B& on, const LayerLayout& layout, ConstView)
        : vector_{checked(delta.vector)},
          scaled_{delta.scaled},
          parts_{layout.plan.parts()},
          order_{layout.shape},
          seed_{mix_bits(vector_->seed() ^ derive_seed(layout.seed, 'P'))},
          scale_{1 / std::sqrt(std::ldexp(static_cast<double>(layout.shape.size()) * vector_->pool_square(),
                                          vector_->log_size()))},
          lambda_{"delta.lambda", ParameterGroup::delta, 1, 1},
          refreshed_(1, vector_->size()),
          refreshed_lambda_(1, 1) {
      vector_->reserve(parts_, on.slots());
      on.fill(refreshed_lambda_.view(), Scalar{1});
    }

    void start(B& on, ConstView) {
      if (scaled_) on.fill(lambda_.value(), Scalar{1});
    }
    void begin_refresh(B&) noexcept { refreshing_ = true; }
    void end_refresh(B& on, bool accepted) {
      refreshing_ = false;
      if (!accepted) return;
      on.map(refreshed_.view(), functors::Identity{}, ConstView{vector_->shared().value()});
      if (scaled_) on.map(refreshed_lambda_.view(), functors::Identity{}, ConstView{lambda_.value()});
    }
    void take_refreshed(B& on, const State& other) {
      on.map(refreshed_.view(), functors::Identity{}, other.refreshed_.view());
      on.map(refreshed_lambda_.view(), functors::Identity{}, other.refreshed_lambda_.view());
    }

    [[nodiscard]] ConstView effective(B& on, Tile tile, ConstView base, MutableView scratch) const {
      on.map(scratch, functors::Identity{}, base);
      for_each_group(tile, [&](index_t block, index_t count, auto&& for_each_piece) {
        const ConstView numbers = project(on, tile.slot, block, count);
        for_each_piece([&](const fastfood::Piece& piece) {
          const MutableView out = scratch.middle_rows(piece.row, piece.rows).middle_cols(piece.col, piece.cols);
          on.map(out, fastfood::AddTimes{scale_}, ConstView{out}, run_of(numbers, piece),
                 everywhere(lambda(), piece.rows, piece.cols));
        });
      });
      return scratch;
    }
    void backward(B& on, Tile tile, ConstView grad_weight) {
      const MutableView slice = vector_->slices(parts_).middle_rows(tile.part, 1);
      for_each_group(tile, [&](index_t block, index_t count, auto&& for_each_piece) {
        const MutableView numbers = vector_->work(tile.slot, 1, count);
        on.fill(numbers, Scalar{0});
        for_each_piece([&](const fastfood::Piece& piece) {
          on.map(run_of(numbers, piece), functors::Identity{},
                 grad_weight.middle_rows(piece.row, piece.rows).middle_cols(piece.col, piece.cols));
        });
        on.column_sums(scale_, project_back(on, tile.slot, block, count).middle_cols(0, slice.cols), slice);
      });
    }
    void finish_backward(B& on) {
      const MutableView total = vector_->total(), slices = vector_->slices(parts_), grad = vector_->shared().grad();
      on.fill(total, Scalar{0});
      on.add_slices(slices, total);
      on.fill(slices, Scalar{0});
      if (scaled_) on.gemm_nt(1.0, total, refreshed_.view(), lambda_.grad());
      on.map(grad, fastfood::AddTimes{1.0}, ConstView{grad}, ConstView{total},
             everywhere(std::as_const(refreshed_lambda_).view(), 1, grad.cols));
    }
    /// lambda alone: z is the vector's.
    void for_each_parameter(auto&& visit) {
      if (scaled_) visit(lambda_);
    }
    [[nodiscard]] std::size_t persistent_bytes() const noexcept {
      return refreshed_.bytes() + refreshed_lambda_.bytes();
    }

   private:
    [[nodiscard]] static IntrinsicVector<B, Scalar>* checked(IntrinsicVector<B, Scalar>* vector) {
      require(vector != nullptr,
              "a projected update has no vector, expected the IntrinsicVector that all layers share: set delta.vector");
      return vector;
    }
    [[nodiscard]] ConstView z() const { return refreshing_ ? ConstView{vector_->shared().value()} : refreshed_.view(); }
    [[nodiscard]] ConstView lambda() const {
      return refreshing_ && scaled_ ? ConstView{lambda_.value()} : refreshed_lambda_.view();
    }
    /// One number as a matrix that repeats it.
    [[nodiscard]] static StridedView<const Scalar, typename B::space> everywhere(ConstView number, index_t rows,
                                                                                 index_t cols) {
      return {number.data, rows, cols, 0, 0};
    }
    /// The numbers of a piece among those of some blocks.
    template <class View>
    [[nodiscard]] static View run_of(View numbers, const fastfood::Piece& piece) {
      return {offset(numbers.data, piece.at), piece.rows, piece.cols, piece.cols};
    }
    /// Calls `f(block, count, for_each_piece)` for the blocks of a tile, a few at a time.
    void for_each_group(Tile tile, auto&& f) const {
      const int log_size = vector_->log_size();
      order_.for_each_run(tile, [&](index_t first, index_t begin, index_t end) {
        const index_t blocks_end = ((end - 1) >> log_size) + 1;
        for (index_t block = begin >> log_size; block < blocks_end; block += vector_->blocks_at_once()) {
          const index_t count = std::min(vector_->blocks_at_once(), blocks_end - block);
          f(block, count, [&](auto&& visit) {
            order_.for_each_piece(tile, first, begin, end, block << log_size, (block + count) << log_size, visit);
          });
        }
      });
    }
    /// H G Pi H B pad(z) of some blocks.
    [[nodiscard]] ConstView project(B& on, index_t slot, index_t block, index_t count) const {
      const int log_size = vector_->log_size();
      const MutableView first = vector_->work(slot, 0, count), second = vector_->work(slot, 1, count);
      on.generate(first, fastfood::SignedVector<ConstView>{z(), seed_, block, log_size});
      on.hadamard(first);
      on.generate(second, fastfood::PermutedNormals<ConstView>{first, vector_->pool(), seed_, block, log_size});
      on.hadamard(second);
      return second;
    }
    /// B H Pi^T G H of the second matrix of a slot.
    [[nodiscard]] ConstView project_back(B& on, index_t slot, index_t block, index_t count) {
      const int log_size = vector_->log_size();
      const MutableView first = vector_->work(slot, 0, count), second = vector_->work(slot, 1, count);
      on.hadamard(second);
      on.generate(first, fastfood::NormalsUnpermuted<ConstView>{second, vector_->pool(), seed_, block, log_size});
      on.hadamard(first);
      on.generate(first, fastfood::SignedRows<ConstView>{first, seed_, block, log_size});
      return first;
    }

    IntrinsicVector<B, Scalar>* vector_;
    bool scaled_;
    index_t parts_;
    fastfood::Order order_;
    std::uint64_t seed_;
    double scale_;
    TrainedMatrix<B, Scalar> lambda_;
    Matrix<B, Scalar> refreshed_, refreshed_lambda_;
    bool refreshing_ = false;
  };
};

}  // namespace pst::PST_ABI

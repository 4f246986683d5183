// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "pst/core/checks.hpp"
#include "pst/core/error.hpp"
#include "pst/core/fastfood.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/random.hpp"
#include "pst/core/shared_parameter.hpp"

namespace pst::PST_ABI {

/// The vector z of an intrinsic dimension, which all layers with a `Projected` update share: k numbers that train, zero
/// at first, with the scratch memory of their projections.
///
/// Its owner zeroes the gradient once a step, before the layers' backward, checks it, shows it to the optimizer and
/// saves it; the layers add to the gradient in the order in which backward is called. They read z when they are
/// refreshed. Layers that share a vector are called by one thread at a time, and have copies of one backend.
/// @ingroup delta
template <class B, class Scalar>
class IntrinsicVector {
 public:
  static constexpr index_t most = index_t{1} << 20;

  /// `seed` draws the projections, with the seeds of the layers.
  IntrinsicVector(B& on, index_t size, std::uint64_t seed)
      : seed_{seed},
        log_size_{static_cast<int>(std::bit_width(static_cast<std::uint64_t>(checked(size) - 1)))},
        shared_{"intrinsic.z", ParameterGroup::delta, 1, size},
        pool_(1, fastfood::pool_size),
        total_(1, size) {
    const NormalAt normal{derive_seed(seed, 'G')};
    on.generate(pool_.view(), NormalMatrix{normal, fastfood::pool_size});
    double squares = 0;
    for (index_t i = 0; i < fastfood::pool_size; ++i) squares += normal(i) * normal(i);
    pool_square_ = squares / static_cast<double>(fastfood::pool_size);
  }

  [[nodiscard]] index_t size() const { return shared_.size(); }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  /// n = 2^log_size outputs have a block of their own.
  [[nodiscard]] int log_size() const noexcept { return log_size_; }
  [[nodiscard]] SharedParameter<B, Scalar>& shared() noexcept { return shared_; }
  /// Throws Error where a number of z is NaN or Inf: call it before the layers are refreshed.
  void check(B& on) {
    detail::refuse_non_finite(on, "the vector of all layers", "intrinsic.z", ViewOn<B, const Scalar>{shared_.value()});
  }

  // ---- for the layers
  /// The mean of the squares in the pool of normal numbers.
  [[nodiscard]] double pool_square() const noexcept { return pool_square_; }
  [[nodiscard]] ViewOn<B, const Scalar> pool() const { return pool_.view(); }
  /// Makes room for the parts and slots of a layer.
  void reserve(index_t parts, index_t slots) {
    if (slices_.view().rows < parts) slices_ = Matrix<B, Scalar>(parts, size());
    if (work_.view().rows < 2 * slots) work_ = Matrix<B, Scalar>(2 * slots, blocks_at_once() << log_size_);
  }
  /// Blocks that are worked on at once: rows of one matrix.
  [[nodiscard]] index_t blocks_at_once() const noexcept {
    return std::max<index_t>(1, (index_t{1} << 15) >> log_size_);
  }
  /// Scratch memory of a slot for `count` blocks: one matrix or the other.
  [[nodiscard]] ViewOn<B, Scalar> work(index_t slot, index_t which, index_t count) {
    return {work_.view().row(2 * slot + which), count, index_t{1} << log_size_};
  }
  /// What each part of a layer adds to.
  [[nodiscard]] ViewOn<B, Scalar> slices(index_t parts) { return slices_.view().middle_rows(0, parts); }
  [[nodiscard]] ViewOn<B, Scalar> total() { return total_.view(); }
  /// Scratch memory, not z and its gradient.
  [[nodiscard]] std::size_t scratch_bytes() const noexcept {
    return pool_.bytes() + total_.bytes() + slices_.bytes() + work_.bytes();
  }

 private:
  [[nodiscard]] static index_t checked(index_t size) {
    require(size >= 1 && size <= most, "the intrinsic dimension is ", size, ", expected 1 to ", most);
    return size;
  }

  std::uint64_t seed_;
  int log_size_;
  SharedParameter<B, Scalar> shared_;
  Matrix<B, Scalar> pool_, total_, slices_{}, work_{};
  double pool_square_ = 1;
};

}  // namespace pst::PST_ABI

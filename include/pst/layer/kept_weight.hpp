// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "pst/core/compressed.hpp"
#include "pst/core/functors.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI {

/// W' as its kept weights alone, by rows for forward and by columns for grad_x, and the gradient at them.
///
/// A part of MaskedWeight, which says when it is used.
template <class Backend, class Scalar>
class KeptWeight {
 public:
  using View = CompressedView<Scalar, typename Backend::space>;
  static_assert(WorkPlan::column_multiple % View::panel_cols == 0);

  KeptWeight() = default;
  explicit KeptWeight(Shape shape) : by_rows_(shape.out, shape.in), by_columns_(shape.in, shape.out) {}

  /// Counts what a mask keeps; from here to `complete` the kept weights are not to be used.
  void begin(Backend& on, ConstMaskOn<Backend> mask) {
    in_use_ = false;
    count_ = on.count_kept(mask, by_rows_.view());
  }
  /// Whether offsets are wide enough for so many.
  [[nodiscard]] bool fits() const noexcept { return count_ <= CompressedWeight<Backend, Scalar>::most; }
  void reserve() {
    by_rows_.reserve(count_);
    by_columns_.reserve(count_);
  }
  void put(Backend& on, ViewOn<Backend, const Scalar> weight, ConstMaskOn<Backend> mask, Tile tile) {
    on.compress(weight, mask, tile, by_rows_.view());
  }
  /// After all tiles were put.
  void complete(Backend& on) {
    on.transpose_compressed(by_rows_.view(), by_columns_.view());
    in_use_ = true;
  }
  /// Takes the numbers of another one with the same mask.
  void take_values(Backend& on, KeptWeight& other) {
    const auto copy = [&](View from, View to) {
      using Numbers = ViewOn<Backend, Scalar>;
      if (count_ > 0) on.map(Numbers{to.value, 1, count_}, functors::Identity{}, Numbers{from.value, 1, count_});
    };
    copy(other.by_rows(), by_rows());
    copy(other.by_columns(), by_columns());
  }

  [[nodiscard]] index_t count() const noexcept { return count_; }
  [[nodiscard]] bool in_use() const noexcept { return in_use_; }
  [[nodiscard]] View by_rows() { return by_rows_.view(); }
  [[nodiscard]] View by_columns() { return by_columns_.view(); }

  // ---- G at the kept weights
  /// Makes room for it; possible only while the kept weights are in use.
  void reserve_gradient() {
    const auto size = static_cast<std::size_t>(count_);
    if (gradient_.size() < size || gradient_.size() > 2 * size)
      gradient_ = typename Backend::template buffer<Scalar>(size + size / 32);
  }
  /// Computes it from all tokens.
  void find_gradient(Backend& on, ViewOn<Backend, const Scalar> grad_y, ViewOn<Backend, const Scalar> x,
                     auto& workspace) {
    reserve_gradient();  // nothing to do after a step, which has made room
    if (count_ > 0) on.fill(ViewOn<Backend, Scalar>{gradient_.data(), 1, count_}, Scalar{0});
    on.sampled_product(by_rows_.view(), grad_y, x, gradient_.data(), workspace);
  }
  /// out = what `find_gradient` found in a tile, zeros elsewhere.
  void expand_gradient(Backend& on, Tile tile, ViewOn<Backend, Scalar> out) {
    View found = by_rows_.view();
    found.value = gradient_.data();
    on.expand(found, tile, out);
  }

  [[nodiscard]] std::size_t bytes() const noexcept {
    return by_rows_.bytes() + by_columns_.bytes() + gradient_.size() * sizeof(Scalar);
  }

 private:
  CompressedWeight<Backend, Scalar> by_rows_;     // W'
  CompressedWeight<Backend, Scalar> by_columns_;  // W'^T
  typename Backend::template buffer<Scalar> gradient_;
  index_t count_ = 0;
  bool in_use_ = false;
};

}  // namespace pst::PST_ABI

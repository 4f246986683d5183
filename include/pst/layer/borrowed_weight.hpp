// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

#include "pst/core/functors.hpp"
#include "pst/core/strided_view.hpp"
#include "pst/core/tile_scratch.hpp"
#include "pst/core/work_plan.hpp"

namespace pst::PST_ABI {

namespace detail {

/// A tile of a weight as numbers of type `Scalar` with contiguous rows: where it is, or in scratch memory.
template <class Scalar, class B, class Stored>
[[nodiscard]] ViewOn<B, const Scalar> tile_of_attached(B& on, StridedView<const Stored, typename B::space> weight,
                                                       Tile tile, typename B::template workspace<Scalar>& workspace) {
  if constexpr (std::is_same_v<Stored, Scalar>)
    if (weight.rows_are_contiguous()) return tile.of(weight.contiguous());
  const ViewOn<B, Scalar> scratch = workspace.numbers(TileUse::weight, tile);
  on.map(scratch, functors::ConvertTo<Scalar>{}, tile.of(weight));
  return scratch;
}

}  // namespace detail

/// A weight of any order and kind of numbers that is borrowed and rests, read a tile at a time: what
/// layer/dense_products.hpp multiplies with.
template <class Scalar, class Backend, class Stored>
class BorrowedWeight {
 public:
  using ConstView = ViewOn<Backend, const Scalar>;
  using MutableView = ViewOn<Backend, Scalar>;
  using View = StridedView<const Stored, typename Backend::space>;

  BorrowedWeight(Shape shape, Backend on) : on_{std::move(on)}, layout_{on_.plan(shape, 1)} {}

  void attach(View weight) {
    view_ = weight;
    if (!workspace_) workspace_.emplace(on_, layout_);
  }
  [[nodiscard]] View view() const noexcept { return view_; }
  [[nodiscard]] ConstView tile(Tile tile) { return detail::tile_of_attached<Scalar>(on_, view_, tile, *workspace_); }
  /// Calls `f(Tile)` for all tiles, parts at the same time.
  void for_each_tile(TileFunction f) {
    on_.for_each_part(layout_.plan.parts(),
                      [&](index_t part, index_t slot) { layout_.plan.for_each_tile(part, slot, f); });
  }
  [[nodiscard]] Backend& backend() noexcept { return on_; }
  [[nodiscard]] const LayerLayout& layout() const noexcept { return layout_; }

 private:
  Backend on_;
  LayerLayout layout_;
  View view_{};
  std::optional<typename Backend::template workspace<Scalar>> workspace_;
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>

#include "pst/concepts/role.hpp"
#include "pst/concepts/scalar.hpp"
#include "pst/core/compressed.hpp"
#include "pst/core/factor.hpp"
#include "pst/core/matrix.hpp"
#include "pst/core/order_key.hpp"
#include "pst/core/radix_select.hpp"
#include "pst/core/work_plan.hpp"

/// @defgroup backend Backends
/// Where the arithmetic runs. A backend is a set of verbs; policies and layers are written in them. `Reference`
/// (backend/reference.hpp) is their definition: read it to learn what a verb means.
namespace pst::PST_ABI {

/// How many weights a new mask dropped and brought back.
struct MaskChange {
  index_t dropped = 0;
  index_t regrown = 0;
};

namespace detail {
/// Any function of position, and any function of elements: what the elementwise verbs must accept.
struct AnyFunctor {
  template <class... In>
  PST_HD double operator()(In...) const {
    return 0.0;
  }
};
}  // namespace detail

/// The header that defines the backend was included (pst/pst.hpp includes EigenCpu and Reference).
template <class B>
concept BackendIsIncluded = requires {
  sizeof(B);
};

/// The backend names its memory: `space`, `buffer<T>` and `workspace<Scalar>`.
template <class B, class Scalar>
concept NamesItsMemory = requires {
  typename B::space;
  typename B::template buffer<Scalar>;
  typename B::template workspace<Scalar>;
  requires std::constructible_from<typename B::template workspace<Scalar>, B&, const LayerLayout&>;
};

/// What `use` gives on a backend whose copies share no memory.
struct [[maybe_unused]] NothingShared {};

/// The backend cuts rows into parts and works on them, and `use()` keeps other threads out of memory that copies share.
template <class B>
concept CutsWork = requires(B& on, Shape shape, index_t n) {
  on.use();
  { on.slots() } -> std::same_as<index_t>;
  { on.plan(shape, n) } -> std::same_as<WorkPlan>;
  on.for_each_part(n, detail::AnyFunctor{});
};

/// The backend has the elementwise verbs, sums and checks.
template <class B, class Scalar>
concept MapsElements = requires(B& on, ViewOn<B, const Scalar> in, ViewOn<B, Scalar> out, ConstMaskOn<B> mask,
                                MatrixView<const Scalar> host_in, MatrixView<Scalar> host_out) {
  on.fill(out, Scalar{});
  on.generate(out, detail::AnyFunctor{});
  on.map(out, detail::AnyFunctor{}, in, mask);
  on.copy_in(host_in, out);
  on.copy_out(in, host_out);
  on.row_sums(1.0, in, out);
  on.column_sums(1.0, in, out);
  on.column_squares(1.0, in, out);
  on.add_outer_sum(1.0, in, in, out);
  on.add_slices(in, out);
  on.hadamard(out);
  on.sum_terms(out, in, detail::AnyFunctor{});
  { on.all_finite(in) } -> std::same_as<bool>;
  { on.squared_norm(in) } -> std::same_as<double>;
};

/// The backend multiplies matrices; each product is added to `out`.
template <class B, class Scalar>
concept MultipliesMatrices = requires(B& on, ViewOn<B, const Scalar> a, ViewOn<B, Scalar> out) {
  on.gemm(1.0, a, a, out);
  on.gemm_nt(1.0, a, a, out);
  on.gemm_tn(1.0, a, a, out);
};

/// The backend ranks scores and writes masks.
template <class B, class Scalar>
concept RanksScores = requires(B& on, ViewOn<B, const Scalar> scores, RadixDigit<OrderKey<Scalar>> digit,
                               ViewOn<B, Scalar> found, ViewOn<B, std::int64_t> counts, OrderKey<Scalar> key, index_t n,
                               MaskOn<B> mask) {
  on.histogram(scores, digit, counts);
  on.collect(scores, digit.range, found, counts);
  { on.prune_lowest(scores, key, n, mask) } -> std::same_as<index_t>;
  on.prune_lowest_per_row(scores, n, mask);
  on.fill_mask(mask, detail::AnyFunctor{});
  { on.replace_mask(ConstMaskOn<B>{mask}, mask) } -> std::same_as<MaskChange>;
};

/// The backend compresses a masked weight, multiplies with it, and finds products where it is kept.
template <class B, class Scalar>
concept MultipliesCompressed = requires(B& on, ViewOn<B, const Scalar> in, ViewOn<B, Scalar> out, ConstMaskOn<B> mask,
                                        CompressedView<Scalar, typename B::space> weight,
                                        typename B::template workspace<Scalar>& workspace) {
  { on.count_kept(mask, weight) } -> std::same_as<index_t>;
  on.compress(in, mask, Tile{}, weight);
  on.transpose_compressed(weight, weight);
  on.compressed_product(weight, in, in, out, workspace);
  on.sampled_product(weight, in, in, weight.value, workspace);
  on.expand(weight, Tile{}, out);
};

/// The backend multiplies with a compressed weight whose numbers are of type `Value`, without scratch memory: what
/// SparseMatrix needs.
template <class B, class Scalar, class Value>
concept MultipliesStored = requires(B& on, ViewOn<B, const Scalar> in, ViewOn<B, Scalar> out,
                                    CompressedView<const Value, typename B::space, std::uint16_t> weight) {
  on.compressed_product(weight, in, in, out);
};

/// A backend that can do everything pst asks for, on numbers of type `Scalar`.
template <class B, class Scalar>
concept BackendFor = BackendIsIncluded<B> && PlaysRole<B, roles::backend> && FloatOrDouble<Scalar> &&
    NamesItsMemory<B, Scalar> && CutsWork<B> && MapsElements<B, Scalar> && MultipliesMatrices<B, Scalar> &&
    RanksScores<B, Scalar> && MultipliesCompressed<B, Scalar> && MultipliesStored<B, Scalar, Scalar>;

}  // namespace pst::PST_ABI

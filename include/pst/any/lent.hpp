// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <type_traits>
#include <variant>

#include "pst/core/float16.hpp"
#include "pst/core/strided_view.hpp"
#include "pst/core/view.hpp"

namespace pst::PST_ABI {

/// What a weight that a layer of `Scalar` borrows may consist of.
template <class T, class Scalar>
concept WeightNumber = std::same_as<std::remove_const_t<T>, Scalar> || std::same_as<std::remove_const_t<T>, BFloat16> ||
    std::same_as<std::remove_const_t<T>, Half>;

/// A weight (out x in) that a caller lends: scalars that may change or not, or constant numbers of 16 bits. Every view
/// of these converts to it.
/// @ingroup any
template <class Scalar>
class LentWeight {
 public:
  template <WeightNumber<Scalar> T>
  LentWeight(StridedView<T> view) noexcept : view_{StridedView<Lent<T>>{view}} {}
  template <WeightNumber<Scalar> T>
  LentWeight(MatrixView<T> view) noexcept : LentWeight{StridedView<T>{view}} {}

  /// Calls `visit` with the view.
  template <class Visit>
  decltype(auto) visit(Visit&& visit) const {
    return std::visit(visit, view_);
  }

 private:
  template <class T>
  using Lent = std::conditional_t<std::same_as<T, Scalar>, Scalar, const T>;

  std::variant<StridedView<Scalar>, StridedView<const Scalar>, StridedView<const BFloat16>, StridedView<const Half>>
      view_;
};

/// A bias (1 x out) that a caller lends, which may change or not; empty at first: there is none.
/// @ingroup any
template <class Scalar>
class LentBias {
 public:
  LentBias() = default;
  LentBias(MatrixView<Scalar> view) noexcept : variable_{view}, constant_{view} {}
  LentBias(MatrixView<const Scalar> view) noexcept : constant_{view} {}

  [[nodiscard]] bool empty() const noexcept { return constant_.data == nullptr; }
  [[nodiscard]] MatrixView<const Scalar> constant() const noexcept { return constant_; }
  /// Null where the bias must not change.
  [[nodiscard]] MatrixView<Scalar> variable() const noexcept { return variable_; }

 private:
  MatrixView<Scalar> variable_{};
  MatrixView<const Scalar> constant_{};
};

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>

#include "pst/concepts/role.hpp"

/// @defgroup storage Storage of the frozen weight
/// The numbers the attached weight consists of; kernels read them as they are and compute with the layer's scalar.
namespace pst::PST_ABI {

/// `number<Scalar>` is what the attached weight consists of when the layer computes with `Scalar`.
template <class P>
concept NamesStoredNumbers = requires {
  typename P::template number<float>;
  typename P::template number<double>;
};

/// A storage policy: no data, one type.
template <class P>
concept StoragePolicy = std::semiregular<P> && PlaysRole<P, roles::storage> && NamesStoredNumbers<P>;

/// A weight that is trained in place consists of the layer's scalars: steps of an optimizer vanish in 16 bits.
template <class Delta, class Storage, class Scalar>
concept TrainsWhatItStores = !Delta::in_place || std::same_as<typename Storage::template number<Scalar>, Scalar>;

}  // namespace pst::PST_ABI

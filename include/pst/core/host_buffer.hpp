// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <new>
#include <vector>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// Allocates on cache-line boundaries, which are also the widest vector registers.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t alignment{64};

  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();  // no allocation is larger
    return static_cast<T*>(::operator new(count > most / sizeof(T) ? most : count * sizeof(T), alignment));
  }
  void deallocate(T* memory, std::size_t) noexcept { ::operator delete(memory, alignment); }
  friend bool operator==(const AlignedAllocator&, const AlignedAllocator&) = default;
};

/// Owned, aligned, zero-initialised host memory.
template <class T>
using HostBuffer = std::vector<T, AlignedAllocator<T>>;

}  // namespace pst::PST_ABI

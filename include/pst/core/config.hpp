// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

/// Marks a function that may also run on a device.
#if defined(__CUDACC__)
#define PST_HD __host__ __device__
#else
#define PST_HD
#endif

/// Parameter-efficient sparse training (PST) of linear layers.
namespace pst {

/// The type of every size, index and stride.
using index_t = std::ptrdiff_t;

/// Memory that the CPU addresses.
struct HostSpace {};
/// Memory that a GPU addresses.
struct DeviceSpace {};

/// The sides of a linear layer: its weight is `out` x `in`, row-major, as in torch.nn.Linear.
struct Shape {
  index_t in = 0;
  index_t out = 0;

  [[nodiscard]] PST_HD constexpr index_t size() const noexcept { return in * out; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

}  // namespace pst

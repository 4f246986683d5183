// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thrust/memory.h>
#include <thrust/system/cpp/execution_policy.h>
#include <thrust/system/cpp/pointer.h>
#include <thrust/system/cpp/vector.h>

#include <cstddef>

#include "pst/core/config.hpp"

/// What the backend on Thrust is made of.
namespace pst::PST_ABI::on_thrust {

/// Owned memory of a Thrust system, zeros at first, that shows plain pointers: views are made of those.
template <class Vector>
class Buffer {
 public:
  using value_type = typename Vector::value_type;

  Buffer() = default;
  explicit Buffer(std::size_t count) : memory_(count, value_type{}) {}

  [[nodiscard]] value_type* data() noexcept { return thrust::raw_pointer_cast(memory_.data()); }
  [[nodiscard]] const value_type* data() const noexcept { return thrust::raw_pointer_cast(memory_.data()); }
  [[nodiscard]] std::size_t size() const noexcept { return memory_.size(); }

 private:
  Vector memory_;
};

/// Thrust's plain C++ system: one thread, host memory. Another system has the same members; it may hold a stream, and
/// an allocator that `policy` takes temporary memory from.
struct CppSystem {
  using space = HostSpace;
  template <class T>
  using pointer = thrust::cpp::pointer<T>;
  template <class T>
  using vector = thrust::cpp::vector<T>;

  /// Where algorithms run.
  [[nodiscard]] auto policy() const { return thrust::cpp::par; }
};

}  // namespace pst::PST_ABI::on_thrust

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <any>
#include <utility>

#include "pst/core/config.hpp"

namespace pst::PST_ABI {

/// Threads and scratch memory that layers share: copies stand for the same ones. Layers that share them must not be
/// called by two threads at once. An empty one stands for threads and memory of a layer's own.
/// @ingroup any
class SharedCpu {
 public:
  SharedCpu() = default;
  /// Shares what copies of a backend share: `SharedCpu{EigenCpu{4}}`.
  template <class Backend>
  explicit SharedCpu(Backend on) : backend_{std::move(on)} {}

  /// A copy of the backend where it is of type `Backend`, otherwise one that `make()` gives.
  template <class Backend, class Make>
  [[nodiscard]] Backend backend_or(Make&& make) const {
    const Backend* const own = std::any_cast<Backend>(&backend_);
    return own != nullptr ? *own : make();
  }
  [[nodiscard]] bool empty() const noexcept { return !backend_.has_value(); }

 private:
  std::any backend_;
};

/// So many threads (0: as many as there are), and scratch memory for the layers that are made with it.
/// @ingroup any
[[nodiscard]] SharedCpu share_cpu(int threads = 0);

}  // namespace pst::PST_ABI

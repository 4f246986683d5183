// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Everything for CUDA: all policies, the layer, and the backend Cuda. Needs nvcc and its Thrust; never Eigen.

#include <thrust/system/cuda/execution_policy.h>
#include <thrust/system/cuda/pointer.h>
#include <thrust/system/cuda/vector.h>

#include "pst/backend/reference.hpp"
#include "pst/backend/thrust.hpp"
#include "pst/core/version.hpp"
#include "pst/layer/sparse_linear.hpp"
#include "pst/layer/together.hpp"
#include "pst/policies.hpp"
#include "pst/serve/sparse_matrix.hpp"

namespace pst::PST_ABI {

/// Thrust's CUDA system: memory of the current device, the default stream.
/// @ingroup backend
struct CudaSystem {
  using space = DeviceSpace;
  template <class T>
  using pointer = thrust::cuda::pointer<T>;
  template <class T>
  using vector = thrust::cuda::vector<T>;

  /// Where algorithms run.
  [[nodiscard]] auto policy() const { return thrust::cuda::par; }
};

/// The verbs of Thrust on a GPU: exact, and not yet fast (one thread computes one element, products are not tiled).
/// @ingroup backend
using Cuda = Thrust<CudaSystem>;

/// PST on a GPU. Policies are replaced by `with` as in SparseLinear<>, which names Eigen and is not for CUDA programs.
/// @ingroup layer
using CudaLinear = SparseLinear<float, Pst, LowRank<>, TopK, CubicSchedule, ReferenceGradient, FrozenBias, Cuda>;

}  // namespace pst::PST_ABI

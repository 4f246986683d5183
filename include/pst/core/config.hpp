// SPDX-License-Identifier: Apache-2.0
#pragma once

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error "pst needs C++20: compile with -std=c++20 (g++ 12, clang 14, nvcc 13 or newer)"
#endif

#include <cstddef>

#include "pst/core/version.hpp"

/// Marks a function that may also run on a device.
#if defined(__CUDACC__)
#define PST_HD __host__ __device__
#else
#define PST_HD
#endif

/// All of pst lies in `namespace pst::PST_ABI`, an inline namespace named after the version: `pst::X` means X in it.
/// Two versions in one process share no symbol but the functions of c.h, nor do units with and without exceptions.
#if defined(__cpp_exceptions) || defined(__CUDACC__)
#define PST_ABI PST_VERSION_AS(PST_VERSION_NAME, PST_VERSION_MAJOR, PST_VERSION_MINOR, PST_VERSION_PATCH, )
#else
#define PST_ABI PST_VERSION_AS(PST_VERSION_NAME, PST_VERSION_MAJOR, PST_VERSION_MINOR, PST_VERSION_PATCH, _noexcept)
#endif
#define PST_VERSION_NAME(major, minor, patch, suffix) inline v##major##_##minor##_##patch##suffix

/// What is compiled differently for each instruction set lies in an inline namespace of its own: EigenCpu and its
/// kernels, and by its name every layer on it. Units with different flags share views, tensors and files, but no layer
/// on EigenCpu: where one hands it to the other, linking fails. Eigen's names, the standard library's and those of
/// loops over tiles carry no instruction set: load plugins with different ones each into a scope of its own
/// (RTLD_LOCAL, which is the default of dlopen).
#if defined(__AVX512FP16__)
#define PST_ISA inline isa_avx512fp16
#elif defined(__AVX512F__)
#define PST_ISA inline isa_avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define PST_ISA inline isa_avx2
#elif defined(__AVX__)
#define PST_ISA inline isa_avx
#elif defined(__SSE4_2__)
#define PST_ISA inline isa_sse4
#elif defined(__ARM_FEATURE_SVE)
#define PST_ISA inline isa_sve
#else
#define PST_ISA inline isa_baseline
#endif

/// Parameter-efficient sparse training (PST) of linear layers.
namespace pst::PST_ABI {

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

}  // namespace pst::PST_ABI

namespace pst::PST_ABI::PST_ISA {
struct EigenCpu;
}  // namespace pst::PST_ABI::PST_ISA

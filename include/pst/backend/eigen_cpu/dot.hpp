// SPDX-License-Identifier: Apache-2.0
#pragma once

// The kept weights of one row times one token.
// Work: 2 flops for each kept weight, three loads: its column, its value, and x there.
// Bound by these loads, and by a mispredicted branch at the end of a row; in large weights by L3 or memory.

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <cstdint>
#include <type_traits>

#include "pst/core/compressed.hpp"
#include "pst/core/float16.hpp"

namespace pst::PST_ABI::PST_ISA::eigen_cpu {

/// out = eight stored numbers.
template <class Value, class T>
void widen_eight(const Value* from, T* out) {
#if defined(__AVX2__) && defined(__F16C__)
  if constexpr (sizeof(Value) == 2 && std::is_same_v<T, float>) {
    const __m128i stored = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    if constexpr (std::is_same_v<Value, Half>)
      return _mm256_storeu_ps(out, _mm256_cvtph_ps(stored));
    else
      return _mm256_storeu_ps(out, _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(stored), 16)));
  }
#endif
  for (int i = 0; i < 8; ++i) out[i] = static_cast<T>(from[i]);
}
/// Stored numbers as those to compute with: themselves, or written to `memory`.
template <class T, class Value>
[[nodiscard]] const T* widened(const Value* from, index_t count, T* memory) {
  if constexpr (std::is_same_v<Value, T>) {
    return from;
  } else {
    if (count < 8) {
      for (index_t k = 0; k < count; ++k) memory[k] = static_cast<T>(from[k]);
    } else {
      for (index_t k = 0; k + 8 < count; k += 8) widen_eight(from + k, memory + k);
      widen_eight(from + count - 8, memory + count - 8);  // some for the second time
    }
    return memory;
  }
}

#ifdef __AVX512FP16__
// Processors of this kind gather faster than they load one by one. Others do not, and least of all where Intel's
// microcode of 2023 has slowed gathers down.

[[nodiscard]] inline __m256 load_eight(const float* from, __mmask8 which) { return _mm256_maskz_loadu_ps(which, from); }
[[nodiscard]] inline __m256 load_eight(const BFloat16* from, __mmask8 which) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_maskz_loadu_epi16(which, from)), 16));
}
[[nodiscard]] inline __m256 load_eight(const Half* from, __mmask8 which) {
  return _mm256_cvtph_ps(_mm_maskz_loadu_epi16(which, from));
}
[[nodiscard]] inline __m256i load_eight(const std::uint8_t* from, __mmask8 which) {
  return _mm256_cvtepu8_epi32(_mm_maskz_loadu_epi8(which, from));
}
[[nodiscard]] inline __m256i load_eight(const std::uint16_t* from, __mmask8 which) {
  return _mm256_cvtepu16_epi32(_mm_maskz_loadu_epi16(which, from));
}
/// Two sums of eight lanes; what is left of the row is masked, so that only the number of turns must be predicted.
template <class Value, class Column>
[[nodiscard]] float gathered_dot(const Column* column, const Value* value, index_t count, const float* x) {
  constexpr __mmask8 all = 0xFF;
  const auto add = [&](__m256 sum, index_t k, __mmask8 which) {
    const __m256 in = _mm256_mmask_i32gather_ps(_mm256_setzero_ps(), which, load_eight(column + k, which), x, 4);
    return _mm256_mask3_fmadd_ps(load_eight(value + k, which), in, sum, which);
  };
  __m256 even = _mm256_setzero_ps(), odd = even;
  index_t k = 0;
  for (; k + 16 <= count; k += 16) even = add(even, k, all), odd = add(odd, k + 8, all);
  for (; k < count; k += 8) even = add(even, k, static_cast<__mmask8>(count - k >= 8 ? 0xFF : (1 << (count - k)) - 1));
  const __m256 sum = _mm256_add_ps(even, odd);
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(half) + _mm_cvtss_f32(_mm_movehdup_ps(half));
}
#endif

/// The kept weights of one row in one panel times x. Eight sums hide how long an addition takes.
template <class T, class Value, class Column>
[[nodiscard]] T dot(const Column* column, const Value* value, index_t count, const T* x) {
#ifdef __AVX512FP16__
  if constexpr (std::is_same_v<T, float> && !std::is_same_v<Value, double>)
    return gathered_dot(column, value, count, x);
#endif
  T memory[CompressedView<T, HostSpace, Column>::panel_cols];
  const T* const weight = widened<T>(value, count, memory);
  T sum[8] = {};
  index_t k = 0;
  for (; k + 8 <= count; k += 8)
    for (int i = 0; i < 8; ++i) sum[i] += weight[k + i] * x[column[k + i]];
  for (int half = 4; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) sum[i] += sum[i + half];
  for (; k < count; ++k) sum[0] += weight[k] * x[column[k]];
  return sum[0];
}

}  // namespace pst::PST_ABI::PST_ISA::eigen_cpu

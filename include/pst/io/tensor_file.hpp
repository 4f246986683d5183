// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/tensor.hpp"
#include "pst/io/element_type.hpp"
#include "pst/io/elements.hpp"
#include "pst/io/safetensors.hpp"
#include "pst/io/tensor_entry.hpp"

namespace pst::PST_ABI::io {

/// How a file stores a DType.
/// @ingroup io
[[nodiscard]] constexpr ElementType element_type(DType type) noexcept {
  switch (type) {
    case DType::u8: return ElementType::u8;
    case DType::u32: return ElementType::u32;
    case DType::i32: return ElementType::i32;
    case DType::u64: return ElementType::u64;
    case DType::i64: return ElementType::i64;
    case DType::f16: return ElementType::f16;
    case DType::bf16: return ElementType::bf16;
    case DType::f32: return ElementType::f32;
    default: return ElementType::f64;
  }
}

inline constexpr DType every_dtype[] = {DType::u8,  DType::u32,  DType::i32, DType::u64, DType::i64,
                                        DType::f16, DType::bf16, DType::f32, DType::f64};

/// A tensor as a file holds it; the tensor must outlive it.
[[nodiscard]] inline TensorEntry entry_of(const Tensor& tensor) {
  return {tensor.name, element_type(tensor.dtype), tensor.shape, tensor.bytes};
}

/// The tensor that `entry` describes, with a copy of its bytes; errors begin with `source`.
/// BOOL, I8, I16, U16, C64 and the floats below 16 bits have no DType: pass these on as TensorEntry.
/// @ingroup io
[[nodiscard]] inline Tensor tensor_from(const TensorEntry& entry, std::string_view source) {
  for (const DType type : every_dtype)
    if (element_type(type) == entry.type)
      return {entry.name, type, entry.shape, {entry.bytes.begin(), entry.bytes.end()}};
  fail(tensor_in(source, entry.name), " holds ", name_of(entry.type),
       ", which pst::Tensor cannot; use pst::io::Safetensors to read or copy it");
}

/// A float tensor stored as F16, BF16, F32 or F64; rounds to nearest, ties to even.
/// @ingroup io
[[nodiscard]] inline Tensor converted(const Tensor& tensor, DType type) {
  const auto values = read_elements<double>(entry_of(tensor), "tensor " + tensor.name);
  return {tensor.name, type, tensor.shape, store_floats<double>(values, element_type(type))};
}

/// Writes tensors to a safetensors file, which appears whole or not at all; see write_safetensors.
/// @ingroup io
inline void save_tensors(const std::filesystem::path& path, const TensorList& tensors, Metadata metadata = {}) {
  std::vector<TensorEntry> entries;
  entries.reserve(tensors.size());
  for (const Tensor& tensor : tensors) entries.push_back(entry_of(tensor));
  write_safetensors(path, entries, std::move(metadata));
}

/// Every tensor of a safetensors file, in data order, which need not be the order in which they were saved.
/// @ingroup io
[[nodiscard]] inline TensorList load_tensors(const std::filesystem::path& path) {
  const Safetensors file = Safetensors::open(path);
  TensorList tensors;
  tensors.reserve(file.entries().size());
  for (const TensorEntry& entry : file.entries()) tensors.push_back(tensor_from(entry, file.source()));
  return tensors;
}

}  // namespace pst::PST_ABI::io

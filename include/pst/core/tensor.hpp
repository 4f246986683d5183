// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pst/core/checked_size.hpp"
#include "pst/core/config.hpp"
#include "pst/core/error.hpp"

namespace pst::PST_ABI {

/// The element types that a saved training state uses.
enum class DType : std::uint8_t { u8, u32, i32, u64, i64, f16, bf16, f32, f64 };

/// Bytes of one element.
[[nodiscard]] constexpr std::size_t size_of(DType type) noexcept {
  switch (type) {
    case DType::u8: return 1;
    case DType::f16:
    case DType::bf16: return 2;
    case DType::u32:
    case DType::i32:
    case DType::f32: return 4;
    default: return 8;
  }
}

template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "no DType for this C++ type");
  return DType::u8;
}();
template <>
inline constexpr DType dtype_of<std::uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<std::uint32_t> = DType::u32;
template <>
inline constexpr DType dtype_of<std::int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<std::uint64_t> = DType::u64;
template <>
inline constexpr DType dtype_of<std::int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;

/// A named, dense, row-major tensor that owns its bytes: the currency of `save` and `restore`.
struct Tensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<index_t> shape;
  std::vector<std::byte> bytes;

  /// The number of elements; 1 for a scalar. Throws when no tensor can have this shape.
  [[nodiscard]] index_t size() const {
    const std::optional<index_t> count = element_count(shape);
    require(count.has_value(), "tensor ", name, " has a shape of ", shape.size(),
            " sides, one of which is negative, or whose product is above 2^63 - 1");
    return *count;
  }
  /// Copies `values` into a tensor of the given shape.
  template <class T>
  [[nodiscard]] static Tensor from(std::string name, std::vector<index_t> shape, std::span<const T> values) {
    Tensor made{std::move(name), dtype_of<T>, std::move(shape), {}};
    require(made.size() == static_cast<index_t>(values.size()), "tensor ", made.name, " has ", made.size(),
            " elements by its shape, but ", values.size(), " were given");
    made.bytes.resize(values.size_bytes());
    if (!values.empty()) std::memcpy(made.bytes.data(), values.data(), values.size_bytes());
    return made;
  }
  /// The elements as `T`; throws when the tensor holds another type.
  template <class T>
  [[nodiscard]] std::vector<T> values() const {
    const auto count = static_cast<std::size_t>(size());
    require(dtype == dtype_of<T> && bytes.size() % sizeof(T) == 0 && bytes.size() / sizeof(T) == count, "tensor ", name,
            " does not hold ", count, " elements of the type asked for");
    std::vector<T> out(count);
    if (!bytes.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return out;
  }
};

/// Every tensor that a saved training state is made of, in a fixed order.
using TensorList = std::vector<Tensor>;

/// The tensor called `name`; throws when there is none.
[[nodiscard]] inline const Tensor& find(const TensorList& list, std::string_view name) {
  for (const Tensor& tensor : list)
    if (tensor.name == name) return tensor;
  fail("no tensor is called ", name, " among the ", list.size(), " that were given");
}

}  // namespace pst::PST_ABI

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "pst/core/error.hpp"
#include "pst/core/tensor.hpp"

/// A list of tensors as one run of bytes: what an engine puts into a checkpoint of its own format.
///
/// The 8 bytes "pst 0001", the number of tensors, and for each the length of its name, its name, its DType, its number
/// of sides, its sides, the number of its bytes, and its bytes. All numbers are 64 bits wide and in the byte order of
/// the machine, as the tensors' elements are; a reader with another order refuses the first of them.
namespace pst::PST_ABI {

namespace detail {

inline constexpr char bytes_magic[] = {'p', 's', 't', ' ', '0', '0', '0', '1'};

/// Appends to a run of bytes.
class ByteWriter {
 public:
  void add(std::span<const std::byte> bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  void add(std::uint64_t number) { add(std::as_bytes(std::span{&number, 1})); }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(out_); }

 private:
  std::vector<std::byte> out_;
};

/// Takes from a run of bytes that may hold anything; throws Error where it ends too early.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : left_{bytes} {}

  [[nodiscard]] std::span<const std::byte> take(std::uint64_t count, const char* what) {
    require(count <= left_.size(), "a state ends within ", what, ": ", left_.size(), " bytes are left, expected ",
            count);
    const auto taken = left_.first(static_cast<std::size_t>(count));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  /// A number of at most `most`.
  [[nodiscard]] std::uint64_t number(const char* what, std::uint64_t most) {
    std::uint64_t value = 0;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    require(value <= most, "a state has ", value, " as ", what, ", expected at most ", most);
    return value;
  }
  [[nodiscard]] std::size_t left() const noexcept { return left_.size(); }

 private:
  std::span<const std::byte> left_;
};

[[nodiscard]] inline Tensor read_tensor(ByteReader& from) {
  constexpr std::uint64_t most_sides = 8, most_elements = std::uint64_t{1} << 62;
  Tensor made;
  const auto name = from.take(from.number("the length of a name", from.left()), "a name");
  made.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
  made.dtype = static_cast<DType>(from.number("a type", static_cast<std::uint64_t>(DType::f64)));
  std::uint64_t elements = 1;
  for (std::uint64_t sides = from.number("a number of sides", most_sides); sides > 0; --sides) {
    const std::uint64_t side = from.number("a side", most_elements);
    require(side == 0 || elements <= most_elements / side, "tensor ", made.name, " of a state has too many elements");
    elements *= side;
    made.shape.push_back(static_cast<index_t>(side));
  }
  const std::uint64_t size = from.number("a number of bytes", from.left());
  require(size / size_of(made.dtype) == elements && size % size_of(made.dtype) == 0, "tensor ", made.name,
          " of a state has ", size, " bytes, expected ", elements, " elements of ", size_of(made.dtype));
  const auto bytes = from.take(size, "a tensor");
  made.bytes.assign(bytes.begin(), bytes.end());
  return made;
}

}  // namespace detail

/// The tensors as one run of bytes.
[[nodiscard]] inline std::vector<std::byte> to_bytes(const TensorList& list) {
  detail::ByteWriter out;
  out.add(std::as_bytes(std::span{detail::bytes_magic}));
  out.add(list.size());
  for (const Tensor& tensor : list) {
    out.add(tensor.name.size());
    out.add(std::as_bytes(std::span{tensor.name.data(), tensor.name.size()}));
    out.add(static_cast<std::uint64_t>(tensor.dtype));
    out.add(tensor.shape.size());
    for (const index_t side : tensor.shape) out.add(static_cast<std::uint64_t>(side));
    out.add(tensor.bytes.size());
    out.add(tensor.bytes);
  }
  return out.take();
}

/// The tensors of what `to_bytes` gave; throws Error for any other bytes.
[[nodiscard]] inline TensorList from_bytes(std::span<const std::byte> bytes) {
  detail::ByteReader from{bytes};
  const auto magic = from.take(sizeof detail::bytes_magic, "its first 8 bytes");
  require(std::memcmp(magic.data(), detail::bytes_magic, magic.size()) == 0,
          "these bytes are not a state: they do not begin with \"pst 0001\"");
  TensorList list;
  for (std::uint64_t count = from.number("the number of tensors", from.left()); count > 0; --count)
    list.push_back(detail::read_tensor(from));
  require(from.left() == 0, "a state has ", from.left(), " bytes behind its last tensor, expected none");
  return list;
}

}  // namespace pst::PST_ABI

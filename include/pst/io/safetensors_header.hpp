// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "pst/core/config.hpp"
#include "pst/core/error.hpp"
#include "pst/io/element_type.hpp"
#include "pst/io/strict_json.hpp"
#include "pst/io/tensor_entry.hpp"

namespace pst::PST_ABI::io {

/// The longest header that is read or written.
/// @ingroup io
inline constexpr std::uint64_t max_header_bytes = 100'000'000;

/// What a safetensors file says about itself; the tensors are in data order and point into the file.
/// @ingroup io
struct SafetensorsContents {
  std::vector<TensorEntry> entries;
  Metadata metadata;
};

namespace detail {

/// A tensor as the header describes it, before anything is checked against the data.
struct DescribedTensor {
  TensorEntry entry;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};
/// The length that the first eight bytes announce, checked against the size of the file.
[[nodiscard]] inline std::size_t header_size(std::span<const std::byte> file, std::string_view source) {
  std::uint64_t size = 0;
  if (file.size() < sizeof(size)) {
    fail(source, ": has ", file.size(), " bytes, but a safetensors file begins with the 8 bytes of its header length");
  }
  std::memcpy(&size, file.data(), sizeof(size));
  if (size > max_header_bytes) {
    fail(source, ": announces a header of ", size, " bytes, but at most ", max_header_bytes,
         " are allowed; is it a safetensors file?");
  }
  if (size > file.size() - sizeof(size)) {
    fail(source, ": announces a header of ", size, " bytes, but only ", file.size() - sizeof(size),
         " follow; the file is cut short");
  }
  return static_cast<std::size_t>(size);
}

/// `-1`, `1.0`, `1e3` and numbers above 2^64 - 1 are not unsigned integers; the parser keeps them apart.
[[nodiscard]] inline std::uint64_t unsigned_from(const nlohmann::json& value, std::string_view what) {
  if (!value.is_number_unsigned()) {
    fail(what, " has ", printable(value.dump()), " in its shape or data_offsets, but both hold unsigned integers");
  }
  return value.get<std::uint64_t>();
}

[[nodiscard]] inline const nlohmann::json& array_in(const nlohmann::json& tensor, const char* field,
                                                    std::string_view what) {
  const auto found = tensor.find(field);
  if (found == tensor.end() || !found->is_array()) fail(what, " has no array called ", field);
  return *found;
}

[[nodiscard]] inline DescribedTensor described_tensor(const std::string& name, const nlohmann::json& fields,
                                                      std::string_view what) {
  if (!fields.is_object()) fail(what, " is described by ", printable(fields.dump()), ", but an object was expected");
  DescribedTensor tensor;
  tensor.entry.name = name;

  const auto dtype = fields.find("dtype");
  if (dtype == fields.end() || !dtype->is_string()) fail(what, " has no string called dtype");
  const auto& type_name = dtype->get_ref<const std::string&>();
  const auto type = element_type_called(type_name);
  if (!type) fail(what, " has dtype \"", printable(type_name), "\", which the format does not know");
  tensor.entry.type = *type;

  for (const auto& side : array_in(fields, "shape", what)) {
    const std::uint64_t length = unsigned_from(side, what);
    if (!std::in_range<index_t>(length)) fail(what, " has a dimension of ", length, ", which overflows");
    tensor.entry.shape.push_back(static_cast<index_t>(length));
  }

  const auto& offsets = array_in(fields, "data_offsets", what);
  if (offsets.size() != 2) fail(what, " has ", offsets.size(), " data_offsets, but there must be a begin and an end");
  tensor.begin = unsigned_from(offsets[0], what);
  tensor.end = unsigned_from(offsets[1], what);
  return tensor;
}

[[nodiscard]] inline Metadata metadata_from(const nlohmann::json& fields, std::string_view source) {
  if (!fields.is_object()) fail(source, ": __metadata__ must be an object of strings");
  Metadata metadata;
  for (const auto& [key, value] : fields.items()) {
    if (!value.is_string()) fail(source, ": __metadata__ \"", printable(key), "\" must be a string");
    metadata.emplace(key, value.get_ref<const std::string&>());
  }
  return metadata;
}

/// Checks that the tensors cover `data` without a hole or an overlap, and points them into it.
inline void place(std::span<DescribedTensor> tensors, std::span<const std::byte> data, std::string_view source) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const DescribedTensor& a, const DescribedTensor& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::uint64_t covered = 0;
  for (const DescribedTensor& tensor : tensors) {
    const std::string what = tensor_in(source, tensor.entry.name);
    if (tensor.begin != covered || tensor.end < tensor.begin) {
      fail(what, " has data_offsets [", tensor.begin, ',', tensor.end, "], but must begin at ", covered,
           ", where the tensor before it ends");
    }
    const std::size_t needed = stored_bytes(tensor.entry.type, tensor.entry.shape, what);
    if (tensor.end - tensor.begin != needed) {
      fail(what, " spans ", tensor.end - tensor.begin, " bytes, but ", name_of(tensor.entry.type), " of shape ",
           text_of(tensor.entry.shape), " needs ", needed);
    }
    covered = tensor.end;
  }
  if (covered != data.size()) {
    fail(source, ": has ", data.size(), " bytes of data, but its tensors need ", covered,
         covered > data.size() ? "; the file is cut short" : "; nothing may follow the last tensor");
  }
  for (DescribedTensor& tensor : tensors) {
    tensor.entry.bytes =
        data.subspan(static_cast<std::size_t>(tensor.begin), static_cast<std::size_t>(tensor.end - tensor.begin));
  }
}

}  // namespace detail

/// Reads and checks the header of a safetensors file whose bytes are `file`; errors begin with `source`.
///
/// Refuses what the reference implementation refuses, and also: a key given twice, more than 3 levels of nesting, and
/// dimensions whose product is above 2^63 - 1, even where a 0 comes behind. Fields of a tensor that the format does not
/// name are ignored, as in the reference.
/// @ingroup io
[[nodiscard]] inline SafetensorsContents parse_safetensors(std::span<const std::byte> file, std::string_view source) {
  const std::size_t size = detail::header_size(file, source);
  const auto header = file.subspan(sizeof(std::uint64_t), size);
  const auto root = strict_json(chars_of(header), std::string{source} + ": the header", 3);
  if (!root.is_object()) fail(source, ": the header must be a JSON object");

  SafetensorsContents contents;
  std::vector<detail::DescribedTensor> tensors;
  for (const auto& [name, fields] : root.items()) {
    if (name == "__metadata__") {
      contents.metadata = detail::metadata_from(fields, source);
    } else {
      tensors.push_back(detail::described_tensor(name, fields, tensor_in(source, name)));
    }
  }
  detail::place(tensors, file.subspan(sizeof(std::uint64_t) + size), source);
  contents.entries.reserve(tensors.size());
  for (auto& tensor : tensors) contents.entries.push_back(std::move(tensor.entry));
  return contents;
}

}  // namespace pst::PST_ABI::io

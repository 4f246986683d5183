// SPDX-License-Identifier: Apache-2.0
#include "pst/io/checksum.hpp"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

TensorList two_tensors() {
  const std::vector<float> values{1, 2, 3, 4, 5, 6, 7, 8, 9};
  return {Tensor::from<float>("a", {3, 3}, values), Tensor::from<float>("b", {9}, values)};
}

TEST_CASE("a checksum is that of names, types, shapes and bytes, in any order") {
  const TensorList list = two_tensors();
  const std::string sum = checksum_of(list);
  CHECK(sum.size() == 16);
  TensorList other = list;
  std::ranges::reverse(other);
  CHECK(checksum_of(other) == sum);
  for (const std::size_t at : {0U, 1U, 17U, 35U}) {
    other = list;
    other[0].bytes[at] ^= std::byte{0x10};
    CAPTURE(at);
    CHECK(checksum_of(other) != sum);
  }
  other = list;
  std::swap(other[0].bytes[2], other[0].bytes[8 * 4 + 2]);  // between sums
  CHECK(checksum_of(other) != sum);
  other = list;
  other[0].shape = {9};
  CHECK(checksum_of(other) != sum);
  other = list;
  other[1].name = "c";
  CHECK(checksum_of(other) != sum);
  other = list;
  other[1].dtype = DType::i32;
  CHECK(checksum_of(other) != sum);
  other = list;
  std::swap(other[0].name, other[1].name);
  CHECK(checksum_of(other) != sum);
}

TEST_CASE("a file whose tensors are not those of its checksum is refused, one without a checksum is not") {
  const TemporaryDirectory folder;
  const TensorList list = two_tensors();
  const auto error_with = [&](const Metadata& metadata) {
    save_tensors(folder / "a.safetensors", list, metadata);
    return error_of([&] { check_checksum(Safetensors::open(folder / "a.safetensors")); });
  };
  CHECK(error_with({}).empty());
  CHECK(error_with({{checksum_field, checksum_of(list)}}).empty());
  CHECK(
      contains(error_with({{checksum_field, "0"}}), "is damaged, its tensors have the checksum " + checksum_of(list)));
}

}  // namespace
}  // namespace pst::io::test

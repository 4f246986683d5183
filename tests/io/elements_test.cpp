// SPDX-License-Identifier: Apache-2.0
#include "pst/io/elements.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

template <class T>
TensorEntry entry_of(ElementType type, std::span<const T> values) {
  return {"t", type, {static_cast<index_t>(values.size())}, std::as_bytes(values)};
}

template <class T>
std::vector<T> read(const TensorEntry& entry) {
  return read_elements<T>(entry, "tensor t");
}

TEST_CASE("floats stored in any float type read as float and double") {
  const std::vector<double> values{0.0, -1.5, 0.25, 65504.0};
  for (const auto type : {ElementType::f16, ElementType::f32, ElementType::f64}) {
    const auto stored = store_floats<double>(values, type);
    const TensorEntry entry{"t", type, {4}, stored};
    CHECK(stored.size() == 4 * bits_of(type) / 8);
    CHECK(read<double>(entry) == values);
    CHECK(read<float>(entry) == std::vector<float>{0.0F, -1.5F, 0.25F, 65504.0F});
  }
  const auto brain = store_floats<double>(values, ElementType::bf16);
  CHECK(read<float>({"t", ElementType::bf16, {4}, brain}) == std::vector<float>{0.0F, -1.5F, 0.25F, 65536.0F});
}

TEST_CASE("integers widen, and narrow when every value fits") {
  const std::vector<std::int64_t> values{-128, 0, 127};
  const auto entry = entry_of<std::int64_t>(ElementType::i64, values);
  CHECK(read<std::int64_t>(entry) == values);
  CHECK(read<std::int8_t>(entry) == std::vector<std::int8_t>{-128, 0, 127});
  CHECK(error_of([&] { return read<std::uint32_t>(entry); }) == "tensor t holds -128, which does not fit in U32");

  const std::vector<std::uint8_t> bytes{0, 1, 200};
  CHECK(read<std::int32_t>(entry_of<std::uint8_t>(ElementType::boolean, bytes)) ==
        std::vector<std::int32_t>{0, 1, 200});
  CHECK(error_of([&] { return read<std::int8_t>(entry_of<std::uint8_t>(ElementType::u8, bytes)); }) ==
        "tensor t holds 200, which does not fit in I8");
}

TEST_CASE("floats and integers do not turn into one another") {
  const std::vector<float> floats{1.0F};
  const std::vector<std::int32_t> integers{1};
  CHECK(error_of([&] { return read<std::int32_t>(entry_of<float>(ElementType::f32, floats)); }) ==
        "tensor t holds F32, but integers were asked for");
  CHECK(error_of([&] { return read<float>(entry_of<std::int32_t>(ElementType::i32, integers)); }) ==
        "tensor t holds I32, but F16, BF16, F32 or F64 was asked for");
  CHECK(contains(error_of([&] { return store_floats<float>(floats, ElementType::f8_e4m3); }), "not as F8_E4M3"));
}

TEST_CASE("misaligned elements read well, but cannot be viewed") {
  alignas(8) std::byte memory[16] = {};
  const float value = 3.5F;
  std::memcpy(memory + 1, &value, sizeof(value));
  const TensorEntry entry{"t", ElementType::f32, {1}, {memory + 1, 4}};
  CHECK(read<float>(entry) == std::vector<float>{3.5F});
  CHECK_FALSE(view_elements<float>(entry));
}

TEST_CASE("a view needs the very type, and is the stored memory") {
  const std::vector<float> values{1.0F, 2.0F};
  const auto entry = entry_of<float>(ElementType::f32, values);
  REQUIRE(view_elements<float>(entry));
  CHECK(view_elements<float>(entry)->data() == values.data());
  CHECK(view_elements<float>(entry)->size() == 2);
  CHECK_FALSE(view_elements<double>(entry));
  CHECK_FALSE(view_elements<std::uint32_t>(entry));
}

}  // namespace
}  // namespace pst::io::test

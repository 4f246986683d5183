// SPDX-License-Identifier: Apache-2.0
#include "pst/io/element_type.hpp"

#include <cstdint>

#include <doctest/doctest.h>

namespace pst::io::test {
namespace {

TEST_CASE("every element type is found by its name") {
  for (std::size_t i = 0; i < detail::element_types.size(); ++i) {
    const auto type = static_cast<ElementType>(i);
    CHECK(element_type_called(name_of(type)) == type);
  }
  CHECK(name_of(ElementType::f8_e5m2fnuz) == "F8_E5M2FNUZ");
  CHECK(bits_of(ElementType::f6_e3m2) == 6);
}

TEST_CASE("names of element types are taken literally") {
  CHECK_FALSE(element_type_called("f32"));
  CHECK_FALSE(element_type_called("F32 "));
  CHECK_FALSE(element_type_called(""));
}

TEST_CASE("C++ types map to element types of their size and sign") {
  static_assert(element_type_of<float>() == ElementType::f32);
  static_assert(element_type_of<double>() == ElementType::f64);
  static_assert(element_type_of<std::int8_t>() == ElementType::i8);
  static_assert(element_type_of<std::uint16_t>() == ElementType::u16);
  static_assert(element_type_of<std::int32_t>() == ElementType::i32);
  static_assert(element_type_of<std::uint64_t>() == ElementType::u64);
  static_assert(!ReadableNumber<bool> && !ReadableNumber<char> && !ReadableNumber<long double>);
}

}  // namespace
}  // namespace pst::io::test

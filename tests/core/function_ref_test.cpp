// SPDX-License-Identifier: Apache-2.0
#include "pst/core/function_ref.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <type_traits>

using namespace pst;

namespace {

int twice_of(FunctionRef<int(int)> function, int x) { return function(function(x)); }

}  // namespace

TEST_CASE("a reference to a function calls it, temporary or constant, and changes what it holds") {
  CHECK(twice_of([](int x) { return 3 * x; }, 2) == 18);
  const auto constant = [offset = 5](int x) { return x + offset; };
  CHECK(twice_of(constant, 1) == 11);
  auto counting = [calls = 0]() mutable { return ++calls; };
  const FunctionRef<long()> count = counting;  // the result is converted
  count();
  CHECK(count() == 2);
  CHECK(counting() == 3);
  const FunctionRef<void()> no_result = counting;  // it is left out
  no_result();
  CHECK(count() == 5);
  int (*const pointer)(int) = [](int x) { return x - 1; };
  CHECK(twice_of(pointer, 7) == 5);
}

TEST_CASE("what cannot be called that way, and a function that is no object, give no reference") {
  using Square = FunctionRef<int(int)>;
  static_assert(std::is_convertible_v<int (*const&)(int), Square>);
  static_assert(!std::is_convertible_v<int (&)(int), Square>);
  static_assert(!std::is_convertible_v<int, Square>);
  CHECK_FALSE(std::is_convertible_v<decltype([](const std::string&) {}), Square>);
}

TEST_CASE("a copy of a reference refers to the function, not to the first reference") {
  const auto function = [](std::string& text) { text += '.'; };
  auto first = std::make_unique<FunctionRef<void(std::string&)>>(function);
  FunctionRef<void(std::string&)> copy = *first;
  const FunctionRef<void(std::string&)>& as_constant = *first;
  const FunctionRef<void(std::string&)> of_constant = as_constant;
  first.reset();
  std::string text;  // passed as it is, not copied
  copy(text), of_constant(text);
  CHECK(text == "..");
  static_assert(std::is_trivially_copyable_v<FunctionRef<void()>>);
}

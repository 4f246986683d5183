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
  int calls = 0;
  auto counting = [calls]() mutable { return ++calls; };
  const FunctionRef<long()> count = counting;  // the result is converted
  count();
  CHECK(count() == 2);
  CHECK(counting() == 3);
  CHECK(calls == 0);
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

// SPDX-License-Identifier: Apache-2.0
#include "pst/core/tensor.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "support/test_types.hpp"

namespace pst::test {
namespace {

TEST_CASE_TEMPLATE("a tensor gives back the numbers it was made from", T, std::uint8_t, std::uint32_t, std::int32_t,
                   std::uint64_t, std::int64_t, float, double) {
  const std::vector<T> values{1, 2, 3, 4, 5, 6};
  const Tensor tensor = Tensor::from<T>("w", {2, 3}, values);
  CHECK(tensor.values<T>() == values);
  CHECK(tensor.size() == 6);
  CHECK(tensor.dtype == dtype_of<T>);
  CHECK(tensor.bytes.size() == 6 * size_of(dtype_of<T>));
  CHECK(size_of(dtype_of<T>) == sizeof(T));
}
TEST_CASE("half types have two bytes an element") {
  CHECK(size_of(DType::f16) == 2);
  CHECK(size_of(DType::bf16) == 2);
}
TEST_CASE("a scalar has one element and an empty tensor none") {
  CHECK(Tensor::from<float>("one", {}, std::vector<float>{3}).values<float>() == std::vector<float>{3});
  CHECK(Tensor::from<float>("none", {0, 4}, {}).values<float>().empty());
}
TEST_CASE("a tensor refuses a number of values that its shape does not have") {
  CHECK(error_of([] {
          (void)Tensor::from<float>("w", {2, 2}, std::vector<float>{1, 2, 3});
        }) == "tensor w has 4 elements by its shape, but 3 were given");
}
TEST_CASE("a tensor refuses to be read as another type, or with too few bytes") {
  Tensor tensor = Tensor::from<float>("w", {2}, std::vector<float>{1, 2});
  const char* const text = "tensor w does not hold 2 elements of the type asked for";
  CHECK(error_of([&] { (void)tensor.values<double>(); }) == text);
  CHECK(error_of([&] { (void)tensor.values<std::uint32_t>(); }) == text);
  tensor.bytes.pop_back();
  CHECK(error_of([&] { (void)tensor.values<float>(); }) == text);
}
TEST_CASE("a shape whose size wraps, or that has a negative side, is no shape of a tensor") {
  constexpr index_t large = index_t{1} << 32;
  for (const std::vector<index_t>& shape :
       {std::vector<index_t>{large, large}, {large, large, large}, {2 * large, large / 2}, {-1, -1}, {0, -1}}) {
    CHECK(error_of([&] { (void)Tensor::from<float>("w", shape, {}); }).starts_with("tensor w has a shape of "));
    CHECK(error_of([&] { (void)Tensor{"w", DType::f32, shape, {}}.values<float>(); }) != "nothing was thrown");
  }
  CHECK(Tensor::from<float>("w", {large, large, 0}, {}).size() == 0);
  CHECK(Tensor{"w", DType::f32, {large, large / 4}, {}}.size() == large * (large / 4));
}
TEST_CASE("a tensor without bytes does not hold 2^61 numbers, whose bytes wrap to none") {
  const Tensor tensor{"w", DType::f64, {index_t{1} << 61}, {}};
  CHECK(error_of([&] { (void)tensor.values<double>(); }) ==
        "tensor w does not hold 2305843009213693952 elements of the type asked for");
}
TEST_CASE("a tensor is found by its whole name") {
  const TensorList list{Tensor::from<float>("w", {}, std::vector<float>{1}),
                        Tensor::from<float>("w2", {}, std::vector<float>{2})};
  CHECK(&find(list, "w2") == &list[1]);
  CHECK(error_of([&] { (void)find(list, "w3"); }) == "no tensor is called w3 among the 2 that were given");
  CHECK(error_of([&] { (void)find(list, ""); }) == "no tensor is called  among the 2 that were given");
}

}  // namespace
}  // namespace pst::test

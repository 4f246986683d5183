// SPDX-License-Identifier: Apache-2.0
#include "pst/io/tensor_file.hpp"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

TEST_CASE("saved tensors load as they were") {
  const std::vector<float> weight{1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F};
  const std::vector<std::uint64_t> mask{0xF0F0};
  const std::vector<std::int64_t> step{41};
  const TensorList saved{Tensor::from<float>("layer.weight", {2, 3}, weight),
                         Tensor::from<std::uint64_t>("layer.mask", {1, 1}, mask),
                         Tensor::from<std::int64_t>("step", {}, step), Tensor::from<float>("none", {0, 4}, {})};
  const TemporaryDirectory directory;
  save_tensors(directory / "a.safetensors", saved, {{"epoch", "2"}});
  const TensorList loaded = load_tensors(directory / "a.safetensors");
  REQUIRE(loaded.size() == saved.size());
  for (const Tensor& tensor : saved) {
    const Tensor& same = find(loaded, tensor.name);
    CHECK(same.dtype == tensor.dtype);
    CHECK(same.shape == tensor.shape);
    CHECK(same.bytes == tensor.bytes);
  }
  CHECK(find(loaded, "layer.weight").values<float>() == weight);
  CHECK(Safetensors::open(directory / "a.safetensors").metadata() == Metadata{{"epoch", "2"}, {"format", "pt"}});
}

TEST_CASE("every DType survives a save and a load") {
  TensorList saved;
  for (const DType type : every_dtype) {
    saved.push_back({std::string{name_of(element_type(type))}, type, {3}, std::vector<std::byte>(3 * size_of(type))});
    CHECK(bits_of(element_type(type)) == 8 * size_of(type));
  }
  const TemporaryDirectory directory;
  save_tensors(directory / "a", saved);
  const TensorList loaded = load_tensors(directory / "a");
  CHECK(loaded.size() == saved.size());
  for (const Tensor& tensor : saved) CHECK(find(loaded, tensor.name).dtype == tensor.dtype);
}

TEST_CASE("floats can be stored in a narrower type") {
  const std::vector<float> values{1.0F, 0.1F, 1e6F};
  const Tensor tensor = Tensor::from<float>("w", {3}, values);
  const Tensor half = converted(tensor, DType::f16);
  CHECK(half.bytes.size() == 6);
  const Tensor back = converted(half, DType::f32);
  CHECK(back.shape == tensor.shape);
  CHECK(back.values<float>()[0] == 1.0F);
  CHECK(back.values<float>()[1] == float_from_f16(f16_from(0.1F)));
  CHECK(back.values<float>()[2] > 3e38F);
  CHECK(converted(tensor, DType::f32).bytes == tensor.bytes);
  CHECK(contains(error_of([&] { return converted(tensor, DType::i32); }), "not as I32"));
}

TEST_CASE("a type that a Tensor cannot hold is refused by name") {
  const TemporaryDirectory directory;
  const std::vector<TensorEntry> entries{{"flags", ElementType::boolean, {2}, bytes_of("\x01\x01")}};
  write_safetensors(directory / "a", entries);
  CHECK(contains(error_of([&] { return load_tensors(directory / "a"); }),
                 "a: tensor \"flags\" holds BOOL, which pst::Tensor cannot"));
}

TEST_CASE("a tensor whose bytes do not match its shape is not saved") {
  const TemporaryDirectory directory;
  const TensorList wrong{{"w", DType::f32, {2}, std::vector<std::byte>(4)}};
  CHECK(contains(error_of([&] { save_tensors(directory / "a", wrong); }), "has 4 bytes, but F32 of shape [2] needs 8"));
  CHECK(directory.size() == 0);
}

}  // namespace
}  // namespace pst::io::test

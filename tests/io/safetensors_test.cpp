// SPDX-License-Identifier: Apache-2.0
#include "pst/io/safetensors.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

TEST_CASE("a file is opened, looked up, read and viewed without a copy") {
  const TemporaryDirectory directory;
  write_text(directory / "a.safetensors", golden_file());
  const auto file = Safetensors::open(directory / "a.safetensors");
  CHECK(file.source() == (directory / "a.safetensors").string());
  REQUIRE(file.entries().size() == 1);
  CHECK(file.find("a") == &file.entries()[0]);
  CHECK(file.find("b") == nullptr);
  CHECK(file.read<float>("a") == std::vector<float>{1.0F, -2.0F});
  CHECK(file.read<double>("a") == std::vector<double>{1.0, -2.0});
  REQUIRE(file.view<float>("a"));
  CHECK(static_cast<const void*>(file.view<float>("a")->data()) == file.at("a").bytes.data());
  CHECK_FALSE(file.view<double>("a"));
}

TEST_CASE("errors name the file and the tensor") {
  const TemporaryDirectory directory;
  const auto path = directory / "a.safetensors";
  write_text(path, golden_file());
  const auto file = Safetensors::open(path);
  CHECK(error_of([&] { return file.at("b"); }) == path.string() + ": tensor \"b\" is not among the 1 in the file");
  CHECK(contains(error_of([&] { return file.view<float>("b"); }), "tensor \"b\" is not among the 1"));
  CHECK(error_of([&] { return file.read<int>("a"); }) ==
        path.string() + ": tensor \"a\" holds F32, but integers were asked for");
  write_text(path, "junk");
  CHECK(error_of([&] { return Safetensors::open(path); }) ==
        path.string() + ": has 4 bytes, but a safetensors file begins with the 8 bytes of its header length");
  write_text(path, "");
  CHECK(contains(error_of([&] { return Safetensors::open(path); }), "has 0 bytes"));
}

TEST_CASE("a file can be moved without losing its tensors") {
  const TemporaryDirectory directory;
  write_text(directory / "a", golden_file());
  auto file = Safetensors::open(directory / "a");
  const Safetensors moved{std::move(file)};
  CHECK(moved.read<float>("a") == std::vector<float>{1.0F, -2.0F});
}

TEST_CASE("tensors are found by name among many, in any order") {
  std::vector<TensorEntry> entries;
  const std::vector<std::uint8_t> values{7};
  for (const char* name : {"delta", "alpha", "", "charlie", "bravo"})
    entries.push_back({name, ElementType::u8, {1}, std::as_bytes(std::span{values})});
  const auto bytes = serialize_safetensors(entries);
  const auto file = Safetensors::parse(bytes, "memory");
  for (const TensorEntry& entry : entries) CHECK(file.at(entry.name).name == entry.name);
  for (const char* name : {"a", "zulu", "charlie2", "Alpha"}) CHECK(file.find(name) == nullptr);
}

TEST_CASE("data that a foreign writer left misaligned reads well, but has no view") {
  const std::string bytes = file_with(padded(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                             R"("f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
                                             R"("g":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}})"),
                                      std::string("\x09\0\0\x80\x3F\0\0\0\x40", 9));
  const auto file = Safetensors::parse(bytes_of(bytes), "memory");
  CHECK(file.read<float>("f") == std::vector<float>{1.0F});
  CHECK(file.read<float>("g") == std::vector<float>{2.0F});
  CHECK_FALSE(file.view<float>("f"));
  CHECK(file.read<std::uint16_t>("a") == std::vector<std::uint16_t>{9});
}

TEST_CASE("tensors of types that pst cannot compute with survive a load and a save byte for byte") {
  std::string data(64, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 37);
  std::vector<TensorEntry> entries;
  for (std::size_t i = 0; i < detail::element_types.size(); ++i) {
    const auto type = static_cast<ElementType>(i);
    entries.push_back({std::string{name_of(type)}, type, {4, 2}, bytes_of(data).first(bits_of(type))});
  }
  const TemporaryDirectory directory;
  write_safetensors(directory / "a", entries, {{"note", "kept"}});
  const std::string written = read_text(directory / "a");
  const auto file = Safetensors::open(directory / "a");
  for (const TensorEntry& entry : entries) CHECK(text_of(file.at(entry.name).bytes) == text_of(entry.bytes));
  // Over the very file that is open.
  write_safetensors(directory / "a", file.entries(), file.metadata());
  CHECK(read_text(directory / "a") == written);
  CHECK(file.read<std::uint8_t>("U8").size() == 8);
}

TEST_CASE("empty tensors and scalars read as they are") {
  const std::vector<double> value{2.5};
  const std::vector<TensorEntry> entries{{"scalar", ElementType::f64, {}, std::as_bytes(std::span{value})},
                                         {"empty", ElementType::f32, {0, 3}, {}}};
  const auto bytes = serialize_safetensors(entries);
  const auto file = Safetensors::parse(bytes, "memory");
  CHECK(file.read<double>("scalar") == value);
  CHECK(file.at("scalar").shape.empty());
  CHECK(file.read<float>("empty").empty());
}

}  // namespace
}  // namespace pst::io::test

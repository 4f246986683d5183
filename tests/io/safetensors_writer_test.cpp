// SPDX-License-Identifier: Apache-2.0
#include "pst/io/safetensors_writer.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

TensorEntry tensor(std::string name, ElementType type, std::vector<index_t> shape, std::string_view data) {
  return {std::move(name), type, std::move(shape), bytes_of(data)};
}

std::string serialized(const std::vector<TensorEntry>& entries, const Metadata& metadata = {}) {
  return text_of(serialize_safetensors(entries, metadata));
}

std::string refusal(const std::vector<TensorEntry>& entries, const Metadata& metadata = {}) {
  return error_of([&] { return serialize_safetensors(entries, metadata); });
}

TEST_CASE("the golden file is written byte for byte") {
  const std::vector<float> values{1.0F, -2.0F};
  const TensorEntry a{"a", ElementType::f32, {2}, std::as_bytes(std::span{values})};
  CHECK(serialized({a}) == golden_file());
}

TEST_CASE("a file without tensors is the smallest that is padded") {
  CHECK(serialized({}) == file_with("{}      "));
  CHECK(serialized({}, {{"format", "pt"}}) == file_with(R"({"__metadata__":{"format":"pt"}})"));
}

TEST_CASE("wide types come first, then names in order") {
  const std::string file =
      serialized({tensor("b", ElementType::u8, {1}, "3"), tensor("z", ElementType::f64, {1}, "11111111"),
                  tensor("a", ElementType::u8, {1}, "2"), tensor("s", ElementType::boolean, {}, "4")});
  CHECK(file == file_with(padded(R"({"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},)"
                                 R"("a":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},)"
                                 R"("b":{"dtype":"U8","shape":[1],"data_offsets":[9,10]},)"
                                 R"("s":{"dtype":"BOOL","shape":[],"data_offsets":[10,11]}})"),
                          "11111111234"));
}

TEST_CASE("types are ordered as in the reference writer") {
  // The order of safetensors 0.8.0; its Python interface cannot write F6.
  const std::vector<std::string_view> expected{
      "U64", "I64",         "F64",         "C64",     "F32",     "U32",     "I32", "BF16", "F16", "U16",
      "I16", "F8_E5M2FNUZ", "F8_E4M3FNUZ", "F8_E8M0", "F8_E4M3", "F8_E5M2", "I8",  "U8",   "F4",  "BOOL"};
  std::vector<TensorEntry> entries;
  for (std::size_t i = 0; i < expected.size(); ++i)
    entries.push_back(tensor(std::to_string(i), *element_type_called(expected[expected.size() - 1 - i]), {0}, ""));
  const auto file = serialize_safetensors(entries);
  const std::string text = text_of(file);
  std::size_t at = 0;
  for (const auto name : expected) {
    const std::size_t next = text.find("\"dtype\":\"" + std::string{name} + '"');
    CHECK(next != std::string::npos);
    CHECK(next > at);
    at = next;
  }
}

TEST_CASE("names are escaped as in the reference writer") {
  // Written by safetensors 0.8.0.
  CHECK(serialized({tensor("a\"\\\n\x7F\x1F\xC3\xA9/", ElementType::u8, {0}, "")}, {{"format", "pt"}}) ==
        file_with("{\"__metadata__\":{\"format\":\"pt\"},\"a\\\"\\\\\\n\x7F\\u001f\xC3\xA9/\":"
                  "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}    "));
}

TEST_CASE("what cannot be written is refused") {
  CHECK(refusal({tensor("a", ElementType::u8, {1}, "1"), tensor("a", ElementType::i8, {1}, "1")}) ==
        "safetensors: tensor \"a\" was given twice");
  CHECK(refusal({tensor("__metadata__", ElementType::u8, {1}, "1")}) ==
        "safetensors: tensor \"__metadata__\" cannot be written, because the format reserves this name");
  CHECK(refusal({tensor("a", ElementType::f32, {2}, "1234")}) ==
        "safetensors: tensor \"a\" has 4 bytes, but F32 of shape [2] needs 8");
  CHECK(refusal({tensor("a", ElementType::u8, {-1, -1}, "1")}) ==
        "safetensors: tensor \"a\" has shape [-1,-1], but no dimension may be negative");
  CHECK(contains(refusal({tensor("a", ElementType::f4, {3}, "12")}), "must end on a byte boundary"));
  CHECK(contains(refusal({tensor("\xFF", ElementType::u8, {1}, "1")}), "is not UTF-8"));
  CHECK(contains(refusal({}, {{"k", "\xFF"}}), "__metadata__ \"k\" cannot be written"));
}

TEST_CASE("a header above one hundred million bytes is refused, one of that size is written") {
  const std::string frame = R"({"__metadata__":{"k":""}})";
  std::string text(max_header_bytes - frame.size(), 'x');
  CHECK(serialize_safetensors({}, {{"k", text}}).size() == max_header_bytes + 8);
  text += 'x';
  CHECK(contains(refusal({}, {{"k", text}}), "take a header of 100000008 bytes, but at most 100000000 are allowed"));
}

TEST_CASE("a written file names its format unless the caller does") {
  const TemporaryDirectory directory;
  write_safetensors(directory / "a", {});
  CHECK(parse_safetensors(bytes_of(read_text(directory / "a")), "a").metadata == Metadata{{"format", "pt"}});
  write_safetensors(directory / "a", {}, {{"format", "np"}, {"step", "3"}});
  CHECK(parse_safetensors(bytes_of(read_text(directory / "a")), "a").metadata ==
        Metadata{{"format", "np"}, {"step", "3"}});
}

TEST_CASE("a refused write leaves the old file and nothing else") {
  const TemporaryDirectory directory;
  write_text(directory / "a", "old");
  const std::vector<TensorEntry> wrong{tensor("t", ElementType::f32, {2}, "1234")};
  CHECK(contains(error_of([&] { write_safetensors(directory / "a", wrong); }), "a: tensor \"t\" has 4 bytes"));
  CHECK(read_text(directory / "a") == "old");
  CHECK(directory.size() == 1);
}

}  // namespace
}  // namespace pst::io::test

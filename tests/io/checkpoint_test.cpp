// SPDX-License-Identifier: Apache-2.0
#include "pst/io/checkpoint.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

void write_shard(const std::filesystem::path& path, const std::vector<std::pair<std::string, float>>& scalars) {
  std::vector<TensorEntry> entries;
  for (const auto& [name, value] : scalars)
    entries.push_back({name, ElementType::f32, {}, std::as_bytes(std::span{&value, 1})});
  write_safetensors(path, entries);
}

/// A directory with the shards `one` = {a: 1, b: 2} and `two` = {c: 3}, and the index given.
struct Split {
  TemporaryDirectory directory;

  explicit Split(std::string_view index) {
    write_shard(directory / "one", {{"a", 1.0F}, {"b", 2.0F}});
    write_shard(directory / "two", {{"c", 3.0F}});
    write_text(directory / "model.safetensors.index.json", index);
  }
  Checkpoint open() const { return Checkpoint::open(directory.path()); }
  std::string refusal() const {
    return error_of([&] { return open(); });
  }
};

constexpr std::string_view good_index =
    R"({"metadata":{"total_size":999},"weight_map":{"a":"one","b":"one","c":"two"}})";

TEST_CASE("a split checkpoint reads like one file, and its total size is not trusted") {
  const Split split{good_index};
  Checkpoint opened = split.open();
  const Checkpoint checkpoint{std::move(opened)};
  CHECK(checkpoint.shards().size() == 2);
  REQUIRE(checkpoint.entries().size() == 3);
  CHECK(checkpoint.read<float>("b") == std::vector<float>{2.0F});
  CHECK(checkpoint.read<double>("c") == std::vector<double>{3.0});
  CHECK(checkpoint.view<float>("a")->front() == 1.0F);
  CHECK(checkpoint.metadata() == Metadata{{"format", "pt"}});
  CHECK(contains(error_of([&] { return checkpoint.at("d"); }), "tensor \"d\" is not among the 3"));
}

TEST_CASE("the index itself and a single file can be named") {
  const Split split{good_index};
  CHECK(Checkpoint::open(split.directory / "model.safetensors.index.json").entries().size() == 3);
  CHECK(Checkpoint::open(split.directory / "two").entries().size() == 1);
}

TEST_CASE("a tensor that the index leaves out is read all the same") {
  const Split split{R"({"weight_map":{"a":"one"}})"};
  CHECK(split.open().read<float>("b") == std::vector<float>{2.0F});
}

TEST_CASE("a whole file goes before an index") {
  const Split split{"not even JSON"};
  write_shard(split.directory / "model.safetensors", {{"whole", 5.0F}});
  CHECK(split.open().read<float>("whole") == std::vector<float>{5.0F});
}

TEST_CASE("a pickle is refused with a way out") {
  const TemporaryDirectory directory;
  CHECK(contains(error_of([&] { return Checkpoint::open(directory.path()); }), "has neither model.safetensors nor"));
  write_text(directory / "pytorch_model.bin", "PK");
  for (const auto& path : {directory.path(), directory / "pytorch_model.bin"}) {
    const std::string error = error_of([&] { return Checkpoint::open(path); });
    CHECK(contains(error, "pytorch_model.bin: is a Python pickle"));
    CHECK(contains(error, "safetensors.torch.save_file"));
  }
  CHECK(contains(error_of([&] { return Checkpoint::open(directory / "none"); }), "cannot be opened for reading"));
}

TEST_CASE("names of files outside the directory are refused") {
  for (const std::string name : {"", ".", "..", "../one", "/etc/passwd", "sub/one", "..\\\\one", "sub\\\\one", "C:one",
                                 "C:\\\\one", "one..two", "one\\u0000"}) {
    CAPTURE(name);
    const Split split{R"({"weight_map":{"a":")" + name + "\"}}"};
    CHECK(contains(split.refusal(), "but only files beside the index may be named"));
  }
}

TEST_CASE("an index that does not match its files is refused") {
  CHECK(contains(Split{R"({"weight_map":{"a":"two"}})"}.refusal(), "tensor \"a\" is listed, but not in its file two"));
  CHECK(contains(Split{R"({"weight_map":{"a":"three"}})"}.refusal(), "three: cannot be opened for reading"));
  const Split split{good_index};
  write_shard(split.directory / "two", {{"c", 3.0F}, {"a", 1.0F}});
  CHECK(contains(split.refusal(), "two: tensor \"a\" is also in "));
}

TEST_CASE("an index of the wrong form is refused") {
  CHECK(contains(Split{""}.refusal(), "the index is not JSON"));
  CHECK(contains(Split{"[]"}.refusal(), "the index has no object called weight_map"));
  CHECK(contains(Split{"{}"}.refusal(), "the index has no object called weight_map"));
  CHECK(contains(Split{R"({"weight_map":[]})"}.refusal(), "the index has no object called weight_map"));
  CHECK(contains(Split{R"({"weight_map":{}})"}.refusal(), "the weight_map lists no tensors"));
  CHECK(contains(Split{R"({"weight_map":{"a":1}})"}.refusal(), "is mapped to 1, but a file name was expected"));
  CHECK(contains(Split{R"({"weight_map":{"a":"one","a":"two"}})"}.refusal(), "gives the key \"a\" twice"));
  CHECK(contains(Split{R"({"weight_map":{"a":[[[]]]}})"}.refusal(), "nested more than 3 levels deep"));
}

}  // namespace
}  // namespace pst::io::test

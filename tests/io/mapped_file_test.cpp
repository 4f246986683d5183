// SPDX-License-Identifier: Apache-2.0
#include "pst/io/mapped_file.hpp"

#include <utility>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

TEST_CASE("a mapped file shows its bytes, and moving it leaves them in place") {
  const TemporaryDirectory directory;
  write_text(directory / "a", "hello");
  MappedFile file{directory / "a"};
  const auto* where = file.bytes().data();
  MappedFile moved{std::move(file)};
  CHECK(text_of(moved.bytes()) == "hello");
  CHECK(moved.bytes().data() == where);
  MappedFile assigned;
  assigned = std::move(moved);
  CHECK(assigned.bytes().data() == where);
}

TEST_CASE("an empty file maps to no bytes") {
  const TemporaryDirectory directory;
  write_text(directory / "a", "");
  CHECK(MappedFile{directory / "a"}.bytes().empty());
}

TEST_CASE("what is not a readable regular file is refused") {
  const TemporaryDirectory directory;
  CHECK(contains(error_of([&] { MappedFile{directory / "none"}; }),
                 "none: cannot be opened for reading: No such file or directory"));
  CHECK(contains(error_of([&] { MappedFile{directory.path()}; }), "is not a regular file"));
  REQUIRE(::mkfifo((directory / "pipe").c_str(), 0600) == 0);
  CHECK(contains(error_of([&] { MappedFile{directory / "pipe"}; }), "is not a regular file"));
}

}  // namespace
}  // namespace pst::io::test

// SPDX-License-Identifier: Apache-2.0
#include "pst/io/atomic_file.hpp"

#include <filesystem>
#include <string>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "io/files.hpp"

namespace pst::io::test {
namespace {

/// As long as it lives, no file can grow beyond `bytes`: the way to a full disk that needs no disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_{::signal(SIGXFSZ, SIG_IGN)} {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limited{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limited);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  sighandler_t handler_;
};

TEST_CASE("a committed file replaces the old one and leaves nothing behind") {
  const TemporaryDirectory directory;
  write_text(directory / "a", "old");
  AtomicFile file{directory / "a"};
  file.write(bytes_of("ne"));
  file.write(bytes_of("w"));
  CHECK(read_text(directory / "a") == "old");
  file.commit();
  CHECK(read_text(directory / "a") == "new");
  CHECK(directory.size() == 1);
}

TEST_CASE("a file that is not committed disappears") {
  const TemporaryDirectory directory;
  write_text(directory / "a", "old");
  {
    AtomicFile file{directory / "a"};
    file.write(bytes_of("new"));
    CHECK(directory.size() == 2);
  }
  CHECK(read_text(directory / "a") == "old");
  CHECK(directory.size() == 1);
}

TEST_CASE("a write that fails half way leaves the old file and no temporary one") {
  const TemporaryDirectory directory;
  write_text(directory / "a", "old");
  const auto attempt = [&] {
    const FileSizeLimit limit{1000};
    AtomicFile file{directory / "a"};
    file.write(bytes_of(std::string(5000, 'x')));
    file.commit();
  };
  CHECK(contains(error_of(attempt), "a: cannot be written: File too large"));
  CHECK(read_text(directory / "a") == "old");
  CHECK(directory.size() == 1);
}

TEST_CASE("a name that cannot be replaced is an error and leaves no temporary file") {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "d");
  CHECK(contains(error_of([&] { AtomicFile{directory / "d"}.commit(); }), "d: cannot be replaced"));
  CHECK(directory.size() == 1);
}

TEST_CASE("a directory that is missing or cannot be written is an error") {
  const TemporaryDirectory directory;
  CHECK(contains(error_of([&] { AtomicFile{directory / "none" / "a"}; }),
                 "a: cannot be written, no file can be made in its directory: No such file or directory"));
  write_text(directory / "file", "");
  CHECK(contains(error_of([&] { AtomicFile{directory / "file" / "a"}; }), "Not a directory"));
}

TEST_CASE("a new file gets the permissions that the umask leaves") {
  const TemporaryDirectory directory;
  const mode_t before = ::umask(027);
  AtomicFile{directory / "a"}.commit();
  ::umask(before);
  struct stat facts {};
  REQUIRE(::stat((directory / "a").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777) == 0640);
}

TEST_CASE("a file name without a directory goes to the current one") {
  const TemporaryDirectory directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  AtomicFile{"bare"}.commit();
  std::filesystem::current_path(before);
  CHECK(std::filesystem::exists(directory / "bare"));
}

TEST_CASE("two files can be written to one place at a time, and the last commit stays") {
  const TemporaryDirectory directory;
  AtomicFile first{directory / "a"};
  AtomicFile second{directory / "a"};
  second.write(bytes_of("second"));
  first.write(bytes_of("first"));
  second.commit();
  first.commit();
  CHECK(read_text(directory / "a") == "first");
  CHECK(directory.size() == 1);
}

}  // namespace
}  // namespace pst::io::test

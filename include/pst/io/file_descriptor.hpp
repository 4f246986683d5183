// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "pst/core/error.hpp"

namespace pst::PST_ABI::io {

/// Fails with what the last system call complained about.
[[noreturn]] inline void fail_with_errno(const std::filesystem::path& path, const char* what) {
  const int code = errno;
  fail(path.string(), ": ", what, ": ", std::generic_category().message(code));
}

/// An open file that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  FileDescriptor(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : number_{::open(path.c_str(), flags | O_CLOEXEC, mode)} {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~FileDescriptor() { close(); }

  [[nodiscard]] bool is_open() const noexcept { return number_ >= 0; }
  [[nodiscard]] int number() const noexcept { return number_; }
  /// Whether the file was closed without an error; some file systems report a failed write only here.
  bool close() noexcept { return number_ < 0 || ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_ = -1;
};

/// A new name of a file or folder survives a power cut from here on.
inline void sync_name(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  const FileDescriptor directory{parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY};
  // Some file systems cannot do that (EINVAL).
  if (directory.is_open() && ::fsync(directory.number()) != 0 && errno != EINVAL)
    fail_with_errno(path, "was written, but its directory cannot be brought to the disk");
}

}  // namespace pst::PST_ABI::io

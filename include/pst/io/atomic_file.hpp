// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "pst/io/file_descriptor.hpp"

namespace pst::PST_ABI::io {

/// A file that appears whole or not at all.
/// The bytes go to a temporary file in the same directory, which `commit` renames; without `commit` it is removed and
/// what was at `path` stays. A symbolic link at `path` is replaced, not followed.
/// @ingroup io
class AtomicFile {
 public:
  /// Starts a new file that will be called `path`.
  explicit AtomicFile(std::filesystem::path path) : path_{std::move(path)} {
    // A number that the process has not used yet; a file of that name can only be left from a process that died.
    static std::atomic<unsigned> next{0};
    const std::string stem = ".pst-" + std::to_string(::getpid()) + '-';
    do {
      temporary_ = path_.parent_path() / (stem + std::to_string(next++) + ".tmp");
      file_ = FileDescriptor{temporary_, O_WRONLY | O_CREAT | O_EXCL, 0666};
    } while (!file_.is_open() && errno == EEXIST);
    if (!file_.is_open()) fail_with_errno(path_, "cannot be written, no file can be made in its directory");
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() {
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  /// Appends `bytes`.
  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_.number(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_with_errno(path_, "cannot be written");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  /// Gives the file its name once every byte is on the disk.
  void commit() {
    if (::fsync(file_.number()) != 0) fail_with_errno(path_, "cannot be brought to the disk");
    if (!file_.close()) fail_with_errno(path_, "cannot be closed");
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail_with_errno(path_, "cannot be replaced");
    temporary_.clear();
    sync_name(path_);
  }

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  FileDescriptor file_;
};

}  // namespace pst::PST_ABI::io

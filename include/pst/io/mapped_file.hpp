// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>

#include "pst/core/error.hpp"
#include "pst/io/file_descriptor.hpp"

namespace pst::PST_ABI::io {

/// The bytes of a file, read by the operating system when they are touched.
/// Moving it does not move the bytes. Nobody may shorten the file meanwhile: touching a page that is gone ends the
/// process. Replacing it by renaming, as AtomicFile does, is safe.
/// @ingroup io
class MappedFile {
 public:
  /// No file and no bytes.
  MappedFile() = default;
  /// Maps the regular file at `path`.
  explicit MappedFile(const std::filesystem::path& path) {
    // Without O_NONBLOCK a named pipe would hang here.
    const FileDescriptor file{path, O_RDONLY | O_NONBLOCK};
    if (!file.is_open()) fail_with_errno(path, "cannot be opened for reading");
    struct stat facts {};
    if (::fstat(file.number(), &facts) != 0) fail_with_errno(path, "cannot be examined");
    if (!S_ISREG(facts.st_mode)) fail(path.string(), ": is not a regular file");
    if (facts.st_size == 0) return;
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number(), 0);
    if (memory == MAP_FAILED) fail_with_errno(path, "cannot be mapped into memory");
    bytes_ = {static_cast<std::byte*>(memory), size};
  }
  MappedFile(MappedFile&& other) noexcept : bytes_{std::exchange(other.bytes_, {})} {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }

  /// Every byte of the file.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace pst::PST_ABI::io

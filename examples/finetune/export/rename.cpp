// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/rename.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <pst/core/error.hpp>
#include <pst/io/file_descriptor.hpp>

#include <cerrno>
#include <string>
#include <system_error>

namespace finetune {

namespace fs = std::filesystem;
using pst::io::fail_with_errno;

namespace {

enum class Rename { to_new, exchange };

/// One rename that does all or nothing, or an error in errno.
bool rename_at_once(const fs::path& from, const fs::path& to, Rename how) {
#ifdef RENAME_EXCHANGE
  const unsigned flag = how == Rename::exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flag) == 0;
#else
  static_cast<void>(from), static_cast<void>(to), static_cast<void>(how);
  errno = ENOSYS;
  return false;
#endif
}

bool is_unknown_to_system() { return errno == EINVAL || errno == ENOSYS || errno == ENOTSUP; }

}  // namespace

bool rename_to_new(const fs::path& from, const fs::path& to) {
  if (rename_at_once(from, to, Rename::to_new)) return true;
  if (errno == EEXIST) return false;
  if (!is_unknown_to_system()) fail_with_errno(to, "cannot be written");
  // A link is never made over anything.
  if (::link(from.c_str(), to.c_str()) != 0) {
    if (errno == EEXIST) return false;
    fail_with_errno(to, "cannot be written");
  }
  ::unlink(from.c_str());
  return true;
}

void exchange(const fs::path& fresh, const fs::path& target) {
  if (rename_at_once(fresh, target, Rename::exchange)) return;
  if (!is_unknown_to_system()) fail_with_errno(target, "cannot be replaced");
  exchange_in_steps(fresh, target);
}

void exchange_in_steps(const fs::path& fresh, const fs::path& target) {
  const fs::path aside = fresh.string() + ".old";
  if (::rename(target.c_str(), aside.c_str()) != 0) fail_with_errno(target, "cannot be replaced");
  if (::rename(fresh.c_str(), target.c_str()) != 0) {
    const std::string reason = std::generic_category().message(errno);
    const bool is_back = ::rename(aside.c_str(), target.c_str()) == 0;
    pst::fail(target.string(), ": cannot be replaced: ", reason,
              is_back ? "" : "; what was there is now called " + aside.string());
  }
  if (::rename(aside.c_str(), fresh.c_str()) != 0)
    fail_with_errno(aside, "is what was replaced, and cannot be removed");
}

}  // namespace finetune

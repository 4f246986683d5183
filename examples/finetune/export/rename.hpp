// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace finetune {

// All throw pst::Error, with everything where it was, when the file system refuses.

/// Renames a file; false, with nothing changed, when something is at `to` already.
[[nodiscard]] bool rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to);

/// Two folders take each other's names: at once, or in steps where the file system cannot do that.
void exchange(const std::filesystem::path& fresh, const std::filesystem::path& target);
/// The same in three steps, between which there may be nothing at `target`.
void exchange_in_steps(const std::filesystem::path& fresh, const std::filesystem::path& target);

}  // namespace finetune

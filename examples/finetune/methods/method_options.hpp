// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace finetune {

/// An option of `train` that only some methods use.
struct MethodOption {
  const char* name;                              ///< on the command line
  std::vector<std::string_view> methods;         ///< those that use it, as the library has it
  std::vector<std::string_view> with_kept_mask;  ///< those that do where the mask is that of the folder
};

/// Every such option; all others are for every method.
[[nodiscard]] std::span<const MethodOption> method_options();

/// Throws pst::Error that names an option which the method does not use, or not with the mask of the folder, where
/// `given(option)` says that the command line has it.
void refuse_unused_options(std::string_view method, bool keeps_mask,
                           const std::function<bool(const char* option)>& given);

}  // namespace finetune

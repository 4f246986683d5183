// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/error.hpp>
#include <pst/io/strict_json.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "finetune/model/layer.hpp"

namespace finetune {

/// What is wrong with the tensors of a file, all of it, so that nobody mends one tensor at a time.
class TensorFaults {
 public:
  void missing(const std::string& name) { add(missing_, name); }
  void unknown(const std::string& name) { add(unknown_, name); }
  void misshaped(const std::string& name, const std::string& expected) {
    add(misshaped_, name + " (expected " + expected + ")");
  }
  /// Throws pst::Error, which begins with `source`, that it is `not_this`, and lists the faults; not where there are
  /// none.
  void refuse(const std::string& source, std::string_view not_this) const {
    std::string text;
    for (const auto& [title, list] :
         {std::pair{"missing", &missing_}, {"unknown", &unknown_}, {"of another shape or type", &misshaped_}})
      if (!list->empty()) text.append(text.empty() ? "" : "; ").append(title).append(": ").append(*list);
    pst::require(text.empty(), source, ": is not ", not_this, ", ", text);
  }

 private:
  static void add(std::string& list, const std::string& name) {
    list.append(list.empty() ? "" : ", ").append(pst::io::printable(name));
  }
  std::string missing_, unknown_, misshaped_;
};

/// "3 x 4"
[[nodiscard]] inline std::string sides_text(const std::vector<index_t>& shape) {
  std::string text;
  for (const index_t side : shape) text.append(text.empty() ? "" : " x ").append(std::to_string(side));
  return text;
}

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/label_order.hpp"

#include <algorithm>

namespace finetune {

namespace {

char plain(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '-' || c == ' ' ? '_' : c; }

bool is_same(const std::string& a, const std::string& b) { return std::ranges::equal(a, b, {}, plain, plain); }

}  // namespace

std::optional<std::vector<std::size_t>> label_order(std::span<const std::string> wanted,
                                                    std::span<const std::string> labels) {
  if (wanted.size() != labels.size()) return std::nullopt;
  std::vector<std::size_t> order;
  for (const std::string& name : wanted) {
    const auto same = [&](const std::string& label) { return is_same(name, label); };
    if (std::ranges::count_if(labels, same) != 1) return std::nullopt;
    order.push_back(static_cast<std::size_t>(std::ranges::find_if(labels, same) - labels.begin()));
  }
  return order;
}

}  // namespace finetune

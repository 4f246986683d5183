// SPDX-License-Identifier: Apache-2.0
#include "finetune/model/fingerprint.hpp"

#include <pst/core/random.hpp>

#include <array>
#include <bit>
#include <cstdio>

namespace finetune {

std::string fingerprint_text(std::uint64_t number) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

std::string fingerprint_of(Model& model, const std::set<std::string>& without) {
  // Four sums that do not wait for one another: a model has hundreds of millions of numbers.
  std::array<std::uint64_t, 4> sums{1, 2, 3, 4};
  model.for_each_tensor([&](const TensorPlace& place, const Matrix& value, Layer*) {
    if (without.contains(place.name)) return;
    sums[0] = pst::derive_seed(sums[0], place.name);
    for (index_t i = 0; i < value.size(); ++i) {
      std::uint64_t& sum = sums[static_cast<std::size_t>(i) % sums.size()];
      sum = std::rotl(sum, 5) * 0x9e3779b97f4a7c15U + std::bit_cast<std::uint32_t>(value.data()[i]);
    }
  });
  std::uint64_t all = 0;
  for (const std::uint64_t sum : sums) all = pst::mix_bits(all ^ sum);
  return fingerprint_text(all);
}

}  // namespace finetune

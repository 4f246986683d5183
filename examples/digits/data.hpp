// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "transformer/matrix.hpp"

/// Sparse fine-tuning of a small pretrained transformer, on handwritten digits.
namespace digits {

using transformer::index_t;
using Matrix = transformer::Matrix<float>;

inline constexpr index_t classes = 10;
inline constexpr index_t side = 8;          ///< pixels along an edge of an image
inline constexpr index_t tokens = 16;       ///< an image is 4 x 4 patches
inline constexpr index_t patch_pixels = 4;  ///< of 2 x 2 pixels
inline constexpr index_t train_images = 1297;
inline constexpr index_t fit_images = 1000;  ///< of those, the ones that fit while learning rates are searched

/// Images as patches: row `16 i + t` is patch t of image i, pixels from 0 to 1.
struct Images {
  Matrix patches;
  std::vector<int> labels;

  [[nodiscard]] index_t count() const noexcept { return static_cast<index_t>(labels.size()); }
  /// The images numbered `chosen`, in that order.
  [[nodiscard]] Images pick(std::span<const index_t> chosen) const;
  /// Every image moved by up to one pixel along each axis, so that few images go a longer way.
  [[nodiscard]] Images shifted(std::mt19937_64& random) const;
  /// `count` images from `first` on.
  [[nodiscard]] Images slice(index_t first, index_t count) const;
};

/// Reads a file written as DATA.md says; throws pst::Error that names the line of a mistake.
[[nodiscard]] Images load_images(const std::filesystem::path& path);

/// `per_class` images of each class, evenly spread over the writers: the few labels that fine-tuning gets.
[[nodiscard]] Images labelled_part(const Images& images, index_t per_class);

}  // namespace digits

// SPDX-License-Identifier: Apache-2.0
#include "data.hpp"

#include <pst/core/error.hpp>

#include <algorithm>
#include <fstream>

namespace digits {

namespace {

/// The pixel in `row` and `col` of an image, in a matrix of patches.
template <class Patches>
auto& pixel_at(Patches& patches, index_t image, index_t row, index_t col) {
  return patches(image * tokens + row / 2 * (side / 2) + col / 2, row % 2 * 2 + col % 2);
}

}  // namespace

Images Images::shifted(std::mt19937_64& random) const {
  Images made{Matrix::Zero(patches.rows(), patches.cols()), labels};
  for (index_t image = 0; image < count(); ++image) {
    const index_t down = static_cast<index_t>(random() % 3) - 1, right = static_cast<index_t>(random() % 3) - 1;
    for (index_t row = std::max<index_t>(0, -down); row < std::min(side, side - down); ++row)
      for (index_t col = std::max<index_t>(0, -right); col < std::min(side, side - right); ++col)
        pixel_at(made.patches, image, row + down, col + right) = pixel_at(patches, image, row, col);
  }
  return made;
}

Images Images::pick(std::span<const index_t> chosen) const {
  Images made;
  made.patches.resize(static_cast<index_t>(chosen.size()) * tokens, patch_pixels);
  index_t at = 0;
  for (const index_t image : chosen) {
    made.patches.middleRows(tokens * at++, tokens) = patches.middleRows(tokens * image, tokens);
    made.labels.push_back(labels[static_cast<std::size_t>(image)]);
  }
  return made;
}

Images Images::slice(index_t first, index_t count) const {
  std::vector<index_t> chosen(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = first + static_cast<index_t>(i);
  return pick(chosen);
}

Images load_images(const std::filesystem::path& path) {
  constexpr index_t lines = 1797;
  std::ifstream file{path};
  pst::require(file.is_open(), "cannot read the digits from ", path, ": give the folder's digits.txt with --data");
  Images made;
  made.patches.resize(lines * tokens, patch_pixels);
  std::string line;
  index_t image = 0;
  for (; std::getline(file, line); ++image) {
    pst::require(image < lines, path, " has more than the expected ", lines, " lines");
    pst::require(line.size() == 66 && line[64] == ' ' && line[65] >= '0' && line[65] <= '9', path, " line ", image + 1,
                 ": expected 64 pixels, a space and a digit, found \"", line, '"');
    for (index_t p = 0; p < side * side; ++p) {
      const char pixel = line[static_cast<std::size_t>(p)];
      const int ink = pixel >= 'a' ? pixel - 'a' + 10 : pixel - '0';
      pst::require(ink >= 0 && ink <= 16, path, " line ", image + 1, " column ", p + 1,
                   ": expected a pixel from 0 to 9 or a to g, found '", pixel, '\'');
      pixel_at(made.patches, image, p / side, p % side) = static_cast<float>(ink) / 16.0F;
    }
    made.labels.push_back(line[65] - '0');
  }
  pst::require(image == lines, path, " has ", image, " lines, expected ", lines);
  return made;
}

Images labelled_part(const Images& images, index_t per_class) {
  std::vector<std::vector<index_t>> of_class(classes);
  for (index_t i = 0; i < images.count(); ++i)
    of_class[static_cast<std::size_t>(images.labels[static_cast<std::size_t>(i)])].push_back(i);
  std::vector<index_t> chosen;
  for (std::size_t c = 0; c < of_class.size(); ++c) {
    const auto found = static_cast<index_t>(of_class[c].size());
    pst::require(per_class >= 1 && per_class <= found, "--labels asks for ", per_class, " images of the digit ", c,
                 ", there are 1 to ", found, " to choose from");
    for (index_t i = 0; i < per_class; ++i)
      chosen.push_back(of_class[c][static_cast<std::size_t>(i * found / per_class)]);
  }
  return images.pick(chosen);
}

}  // namespace digits

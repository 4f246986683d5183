// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/io/safetensors.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "finetune/model/folder.hpp"
#include "io/files.hpp"

namespace finetune::test {

namespace fs = std::filesystem;

/// Folders that transformers wrote, and what it computed with them; made by make/make_models.py.
inline const fs::path data = FINETUNE_DATA;

/// A golden batch: inputs with padding and what the model should say of them.
struct Golden {
  pst::io::Safetensors file;
  std::vector<int> ids, types, labels;
  std::vector<float> values;
  std::vector<index_t> lengths;
  double smoothing = 0.0;

  explicit Golden(const std::string& name) : file{pst::io::Safetensors::open(data / name / "golden.safetensors")} {
    ids = file.read<int>("ids");
    lengths = file.read<index_t>("lengths");
    if (file.find("types") != nullptr) types = file.read<int>("types");
    if (file.find("labels") != nullptr) labels = file.read<int>("labels");
    if (file.find("values") != nullptr) values = file.read<float>("values");
    if (name == "gpt2") smoothing = 0.1;
  }
  [[nodiscard]] Batch batch() const {
    const auto sequences = static_cast<index_t>(lengths.size());
    return {static_cast<index_t>(ids.size()) / sequences, ids, lengths, types};
  }
  [[nodiscard]] Targets targets() const { return {labels, values, smoothing}; }
  [[nodiscard]] double number(const std::string& name) const { return file.read<double>(name)[0]; }
};

/// The parity that is promised. Measured at most: logits 7e-7, gradients 2e-6, losses of ten steps 1.4e-5.
inline constexpr double tolerance = 1e-4;

/// The largest difference, relative to the largest number that is expected, or to `least` where all are smaller.
[[nodiscard]] inline double relative_error(const std::vector<float>& found, const std::vector<float>& expected,
                                           double least = 1e-5) {
  REQUIRE(found.size() == expected.size());
  double largest = least, error = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    error = std::max(error, std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i])));
  }
  return error / largest;
}

[[nodiscard]] inline std::vector<float> numbers(const Matrix& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

/// What the golden file says of the rows that are no padding.
[[nodiscard]] inline std::vector<float> without_padding(const std::vector<float>& rows, const Golden& golden,
                                                        index_t width) {
  std::vector<float> kept;
  const index_t tokens = golden.batch().tokens;
  for (std::size_t s = 0; s < golden.lengths.size(); ++s) {
    const auto first = rows.begin() + static_cast<index_t>(s) * tokens * width;
    kept.insert(kept.end(), first, first + golden.lengths[s] * width);
  }
  return kept;
}

using pst::io::test::TemporaryDirectory;

/// The names in a folder, in order.
[[nodiscard]] inline std::vector<fs::path> inside(const fs::path& folder) {
  std::vector<fs::path> names;
  for (const auto& entry : fs::directory_iterator{folder}) names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

}  // namespace finetune::test

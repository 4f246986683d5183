// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pst/core/config.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

namespace compare {

/// What the command line says.
struct Options {
  std::filesystem::path json{};  ///< empty: none
  int threads = 1;
  double sparsity = 0.9;
  int rounds = 15;
  std::vector<int> tables{1, 2, 3, 4};
  std::vector<pst::Shape> shapes{};  ///< empty: those of each table

  [[nodiscard]] bool wants(int table) const { return std::ranges::find(tables, table) != tables.end(); }
  /// The shapes of a table, unless the command line names others.
  template <class Shapes>
  [[nodiscard]] std::vector<pst::Shape> shapes_or(const Shapes& usual) const {
    return shapes.empty() ? std::vector<pst::Shape>(usual.begin(), usual.end()) : shapes;
  }
};

/// Reads the command line. When nothing is left to do, `exit_code` is set: 0 after --help, 2 after a bad argument, with
/// a sentence on stderr.
struct CommandLine {
  Options options{};
  std::optional<int> exit_code{};
};
[[nodiscard]] CommandLine read_command_line(int argc, char** argv);

}  // namespace compare

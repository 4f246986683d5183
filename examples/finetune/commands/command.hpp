// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

namespace finetune {

/// What a subcommand does once its options are read; returns the exit code of the program.
using Run = std::function<int()>;

/// For whole numbers: an unsigned one would take -1 as its largest.
inline const CLI::Validator at_least_zero{
    [](std::string& text) {
      return !text.starts_with('-') ? "" : text + " is below 0, expected a whole number of at least 0";
    },
    "at least 0"};

/// Each adds a subcommand with its options to the program. Results go to stdout, everything else to stderr; errors are
/// thrown.
[[nodiscard]] Run add_train(CLI::App& program);
[[nodiscard]] Run add_eval(CLI::App& program);
[[nodiscard]] Run add_generate(CLI::App& program);
[[nodiscard]] Run add_export(CLI::App& program);
[[nodiscard]] Run add_inspect(CLI::App& program);

}  // namespace finetune

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <system_error>

#include <CLI/CLI.hpp>

namespace finetune {

/// What a subcommand does once its options are read; returns the exit code of the program.
using Run = std::function<int()>;

/// For whole numbers: an unsigned one would take -1 as its largest, and any number what is too large as its largest.
inline const CLI::Validator at_least_zero{
    [](std::string& text) {
      std::int64_t number = 0;
      const char* const end = text.data() + text.size();
      const auto [read, error] = std::from_chars(text.data(), end, number);
      const bool is_whole = error == std::errc{} && read == end && number >= 0;
      return is_whole ? std::string{} : text + " is no whole number from 0 to 9223372036854775807";
    },
    "at least 0"};

/// Each adds a subcommand with its options to the program. Results go to stdout, everything else to stderr; errors are
/// thrown.
[[nodiscard]] Run add_train(CLI::App& program);
[[nodiscard]] Run add_eval(CLI::App& program);
[[nodiscard]] Run add_classify(CLI::App& program);
[[nodiscard]] Run add_generate(CLI::App& program);
[[nodiscard]] Run add_export(CLI::App& program);
[[nodiscard]] Run add_inspect(CLI::App& program);
[[nodiscard]] Run add_merge(CLI::App& program);

}  // namespace finetune

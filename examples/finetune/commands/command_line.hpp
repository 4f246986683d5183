// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace finetune {

/// Adds an option that may stand several times, with one text each time, which is taken as it was typed. CLI11 would
/// take `[a, b]` for two texts, `{}` for none, and what follows for more of them.
CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
                          const std::string& description);

/// Throws CLI::ParseError with the nearest names where the first argument is no subcommand of `program` and no option.
void refuse_unknown_command(const CLI::App& program, int argc, const char* const* argv);

/// Makes every option for a whole number below `program` read it in decimal: CLI11 takes 010 for 8 and 0x10 for 16.
void read_decimal(CLI::App& program);

/// What was typed behind the name of the program, in the order in which CLI11 parses it. An empty text behind `--name=`
/// stays one; CLI11 would take the next argument in its place.
[[nodiscard]] std::vector<std::string> arguments_to_parse(const CLI::App& program, int argc, const char* const* argv);

}  // namespace finetune

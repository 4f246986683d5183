// SPDX-License-Identifier: Apache-2.0
#include "finetune/commands/command_line.hpp"

#include <pst/any/implementation/nearest.hpp>

#include <algorithm>
#include <string_view>

namespace finetune {

namespace {

/// The option of a subcommand or of one of its groups, or null.
const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  if (const CLI::Option* const own = command.get_option_no_throw(name)) return own;
  for (const CLI::App* const group : command.get_subcommands({}))
    if (const CLI::Option* const found = find_option(*group, name)) return found;
  return nullptr;
}

/// Takes leading zeros off, which CLI11 would read as octal, and refuses what is no decimal number.
std::string to_decimal(std::string& text) {
  const bool is_negative = text.starts_with('-');
  std::string digits = text.substr(is_negative || text.starts_with('+') ? 1 : 0);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos)
    return text + " is no whole number";
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  text = (is_negative ? "-" : "") + digits;
  return {};
}

}  // namespace

CLI::Option* add_repeated(CLI::App& command, const std::string& name, std::vector<std::string>& texts,
                          const std::string& description) {
  const auto take = [&texts](const CLI::results_t& typed) {
    texts = typed;
    return true;
  };
  return command.add_option(name, take, description)
      ->type_name("TEXT")
      ->expected(1)
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void refuse_unknown_command(const CLI::App& program, int argc, const char* const* argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string_view> names;
  for (const CLI::App* const command : program.get_subcommands({})) names.push_back(command->get_name());
  if (std::ranges::find(names, argv[1]) != names.end()) return;
  throw CLI::ParseError{"there is no command " + std::string{argv[1]} + ", expected one of " +
                            pst::detail::listed(names) + pst::detail::did_you_mean(argv[1], names),
                        CLI::ExitCodes::ExtrasError};
}

void read_decimal(CLI::App& program) {
  for (CLI::Option* const option : program.get_options()) {
    const std::string type = option->get_type_name();
    if (type.starts_with("INT") || type.starts_with("UINT")) option->transform(CLI::Validator{to_decimal, ""});
  }
  for (CLI::App* const part : program.get_subcommands({})) read_decimal(*part);
}

std::vector<std::string> arguments_to_parse(const CLI::App& program, int argc, const char* const* argv) {
  std::vector<std::string> typed;
  bool is_value = false;  // of the option in front
  for (int i = 1; i < argc; ++i) {
    std::string text = argv[i];
    const std::size_t sign = text.find('=');
    const CLI::Option* const option =
        is_value || !text.starts_with("--") ? nullptr : find_option(program, text.substr(0, sign));
    is_value = option != nullptr && option->get_items_expected_max() > 0 && sign == std::string::npos;
    const bool is_empty = option != nullptr && sign + 1 == text.size();
    if (is_empty) text.pop_back();
    typed.push_back(std::move(text));
    if (is_empty) typed.emplace_back();
  }
  std::ranges::reverse(typed);
  return typed;
}

}  // namespace finetune

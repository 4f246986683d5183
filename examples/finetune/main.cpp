// SPDX-License-Identifier: Apache-2.0
// pst-finetune: a Hugging Face folder in, a sparse Hugging Face folder out.
#include <pst/core/version.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "finetune/commands/command.hpp"
#include "finetune/commands/command_line.hpp"

namespace {

/// The subcommands, in the order of --help.
constexpr finetune::Run (*subcommands[])(CLI::App&) = {
    finetune::add_train,  finetune::add_eval,    finetune::add_classify, finetune::add_generate,
    finetune::add_export, finetune::add_inspect, finetune::add_merge,
};

int run(int argc, char** argv) {
  CLI::App program{"Fine-tunes language models and makes them sparse at the same time.", "pst-finetune"};
  program.require_subcommand(1);
  program.set_version_flag("--version", "pst-finetune " PST_VERSION_STRING);
  program.footer(
      "Exit codes: 0 done; 1 an error, which stderr names; 2 a command line that cannot be read; 3 train is done,\n"
      "but its model has learnt nothing, as its verdict says; 128 + the signal\n"
      "where Ctrl-C, SIGTERM or SIGHUP stopped train or generate.");
  std::vector<std::pair<const CLI::App*, finetune::Run>> runs;
  for (const auto add : subcommands) {
    finetune::Run made = add(program);
    runs.emplace_back(program.get_subcommands({}).back(), std::move(made));
  }
  finetune::read_decimal(program);
  try {
    finetune::refuse_unknown_command(program, argc, argv);
    program.parse(finetune::arguments_to_parse(program, argc, argv));
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? 0 : 2;
  }
  for (const auto& [command, made] : runs) {
    if (!command->parsed()) continue;
    const int code = made();
    std::cout.flush();
    if (!std::cout && code == 0) throw std::runtime_error{"standard output: cannot be written, results are lost"};
    return code;
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}

// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <string>
#include <thread>

#include "layer.hpp"

namespace compare {

namespace {

/// "3072x768" is 3072 outputs and 768 inputs.
pst::Shape shape_of(const std::string& text) {
  pst::Shape shape;
  const char* const end = text.data() + text.size();
  const auto [cross, out_error] = std::from_chars(text.data(), end, shape.out);
  const bool has_cross = out_error == std::errc{} && cross != end && *cross == 'x';
  const auto rest = has_cross ? std::from_chars(cross + 1, end, shape.in) : std::from_chars_result{end, std::errc{}};
  if (!has_cross || rest.ec != std::errc{} || rest.ptr != end || shape.out < 1 || shape.in < 1)
    throw CLI::ValidationError("--shapes",
                               "\"" + text + "\" is not a shape, expected outputs and inputs as in 3072x768");
  return shape;
}

/// Told before anything is measured, not hours later.
void check_json(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  if (std::filesystem::is_directory(path) || ::access(folder.c_str(), W_OK) != 0)
    throw CLI::ValidationError("--json", path.string() + " cannot be written");
}

void check_environment() {
  const char* const policy = std::getenv("OMP_WAIT_POLICY");
  if (policy != nullptr && (std::string{policy} == "active" || std::string{policy} == "ACTIVE"))
    throw CLI::ValidationError("OMP_WAIT_POLICY",
                               "active keeps the threads of one library busy while another is measured, unset it");
}

}  // namespace

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  Options& options = line.options;
  options.threads = all_threads();
  const int most_threads = std::max(options.threads, static_cast<int>(std::thread::hardware_concurrency()));
  bool quick = false;
  std::vector<std::string> shapes;

  CLI::App app{
      "Times layers of pst and the dense steps that they replace, in turns, and prints tables:\n"
      "1 training steps, 2 few tokens, 3 threads, 4 the density up to which sparse products pay."};
  app.option_defaults()->always_capture_default();
  app.add_option("--json", options.json, "also write everything that was measured to this file");
  app.add_flag("--quick", quick, "5 rounds, and tables 1 and 2, unless given");
  app.add_option("--threads", options.threads, "of all libraries; default: all")->check(CLI::Range(1, most_threads));
  app.add_option("--sparsity", options.sparsity, "fraction of zeros in tables 1 to 3")->check(CLI::Range(0.0, 0.999));
  app.add_option("--rounds", options.rounds, "how often everything is timed")->check(CLI::Range(1, 1000));
  app.add_option("--tables", options.tables, "which tables")->delimiter(',')->check(CLI::Range(1, 4));
  app.add_option("--shapes", shapes)->delimiter(',')->group("");
  try {
    app.parse(argc, argv);
    if (quick && app.count("--rounds") == 0) options.rounds = 5;
    if (quick && app.count("--tables") == 0) options.tables = {1, 2};
    if (!std::isfinite(options.sparsity)) throw CLI::ValidationError("--sparsity", "expected a number from 0 to 0.999");
    for (const std::string& shape : shapes) options.shapes.push_back(shape_of(shape));
    if (!options.json.empty()) check_json(options.json);
    check_environment();
  } catch (const CLI::ParseError& error) {
    line.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return line;
}

}  // namespace compare

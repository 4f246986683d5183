// SPDX-License-Identifier: Apache-2.0
// Times layers of pst and what they replace, in turns. `compare --help` says what can be asked for.
#include <pst/core/error.hpp>
#include <pst/io/atomic_file.hpp>

#include <array>
#include <cstdio>
#include <exception>
#include <iostream>
#include <span>

#include "axes.hpp"
#include "machine.hpp"
#include "tables.hpp"

namespace {

using namespace compare;

struct NumberedPart {
  int table;
  Part part;
};

std::vector<NumberedPart> parts_of(const Options& options) {
  std::vector<NumberedPart> parts;
  if (options.wants(1)) {
    const auto shapes = options.shapes_or(bench::shapes);
    std::fprintf(stderr, "memory of PST: each shape in two processes\n");
    for (const ExtraMemory& memory : extra_memory(shapes, options.sparsity, options.threads))
      parts.push_back({1, training_steps(memory.shape, options, memory)});
  }
  const auto add = [&](int table, const auto& usual, auto&& make) {
    if (!options.wants(table)) return;
    for (const pst::Shape shape : options.shapes_or(usual)) parts.push_back({table, make(shape, options)});
  };
  add(2, bench::shapes, few_tokens);
  add(3, std::array{bench::shapes[1], bench::shapes[3]}, more_threads);
  add(4, std::array{bench::shapes[0], bench::shapes[3]}, more_density);
  return parts;
}

void write(const std::filesystem::path& path, const nlohmann::ordered_json& results) {
  const std::string text = results.dump(1) + '\n';
  pst::io::AtomicFile file{path};
  file.write(std::as_bytes(std::span{text}));
  file.commit();
}

void run(const Options& options) {
  const std::vector<Blas> libraries = available_blas();
  const Facts facts = facts_of(options, libraries);
  nlohmann::ordered_json results;
  for (const auto& [name, value] : facts) {
    std::cout << name << ": " << value << '\n';
    results["run"][name] = value;
  }
  std::cout << std::endl;

  const std::vector<NumberedPart> parts = parts_of(options);  // forks, so before any thread is started
  for (const Blas& blas : libraries) blas.use_threads(options.threads);
  double work = 0;
  for (const auto& [table, part] : parts) work += part.work;
  Progress progress{work};
  Run with{options, libraries, std::cout, progress};
  results["tables"] = nlohmann::ordered_json::object();
  for (const auto& [table, part] : parts) {
    progress.begin(part.title, part.work);
    results["tables"][std::to_string(table)].push_back(part.measure(with));
    progress.end();
    std::cout.flush();
  }
  if (!options.json.empty()) write(options.json, results);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const CommandLine line = read_command_line(argc, argv);
    if (line.exit_code) return *line.exit_code;
    run(line.options);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "compare: %s\n", error.what());
    return 1;
  }
}

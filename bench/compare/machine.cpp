// SPDX-License-Identifier: Apache-2.0
// CMake defines COMPARE_FLAGS and COMPARE_COMMIT for this file.
#include "machine.hpp"

#include <Eigen/Core>
#include <array>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "table.hpp"

namespace compare {

namespace {

std::string processor() {
  std::ifstream file{"/proc/cpuinfo"};
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": ") + 2, line.size()));
  return "unknown";
}

std::string compiler() {
#ifdef __clang__
  return __VERSION__;
#else
  return "g++ " __VERSION__;
#endif
}

/// What else the machine did in the last minute, in threads: near 0 it was quiet.
std::string load() {
  std::array<double, 1> average{};
  return ::getloadavg(average.data(), 1) == 1 ? ratio_text(average[0]) : "unknown";
}

}  // namespace

Facts facts_of(const Options& options, const std::vector<Blas>& libraries) {
  std::string versions;
  for (const Blas& blas : libraries) versions += (versions.empty() ? "" : ", ") + blas.name + ' ' + blas.version;
  Facts facts{
      {"commit", COMPARE_COMMIT},
      {"processor", processor() + ", " + std::to_string(std::thread::hardware_concurrency()) + " cores"},
      {"vectors", Eigen::SimdInstructionSetsInUse()},
      {"compiler", compiler()},
      {"flags", COMPARE_FLAGS},
      {"dense products", versions},
      {"threads", std::to_string(options.threads)},
      {"load before", load()},
      {"measured", "float, " + std::to_string(options.rounds) + " rounds, sparsity " + number(options.sparsity)}};
#ifndef NDEBUG
  facts.emplace_back("WARNING", "assertions are on, these are no results");
#endif
  return facts;
}

}  // namespace compare

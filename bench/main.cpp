// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <pst/pst.hpp>
#include <string>

#ifdef __clang__
constexpr const char* compiler = __VERSION__;
#else
constexpr const char* compiler = "g++ " __VERSION__;
#endif

/// Results say how they came about: threads, compiler and vector instructions.
int main(int argc, char** argv) {
  const int threads = pst::EigenCpu{}.threads();  // PST_NUM_THREADS
  Eigen::setNbThreads(threads);
  benchmark::AddCustomContext("threads",
                              "EigenCpu " + std::to_string(threads) + ", Eigen " + std::to_string(Eigen::nbThreads()));
  benchmark::AddCustomContext("compiler", compiler);
  benchmark::AddCustomContext("vectors", Eigen::SimdInstructionSetsInUse());
#ifndef NDEBUG
  benchmark::AddCustomContext("WARNING", "assertions are on, these are no results");
#endif
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}

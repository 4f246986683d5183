// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <filesystem>
#include <iostream>

/// Test suites called "golden" read tensors from the folder PST_GOLDENS. Without it they count as skipped.
int main(int argc, char** argv) {
  doctest::Context context;
  const std::filesystem::path goldens{PST_GOLDENS};
  if (goldens.empty() || !std::filesystem::is_directory(goldens)) {
    context.addFilter("test-suite-exclude", "golden");
    std::cout << "No folder of golden tensors (CMake variable PST_GOLDENS): suites called golden are skipped.\n";
  }
  context.applyCommandLine(argc, argv);
  return context.run();
}

// SPDX-License-Identifier: Apache-2.0

// Compares every backend, in float and double, with golden tensors made by PyTorch.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "golden/training_file.hpp"
#ifdef PST_GOLDEN_THRUST
#include <pst/backend/thrust.hpp>
#endif

namespace {

constexpr std::string_view usage =
    "usage: golden_check DIR\n"
    "Runs every backend on every golden in DIR (*.safetensors whose metadata has kind = layer or training).\n"
    "Prints a line for each file, backend and scalar: the largest relative error of a tensor, which tensor it is, and\n"
    "how many entries of the mask differ. In double, the error is what goes beyond the golden's own storage as float.\n"
    "Exit code: 0 all within tolerance, 1 some are not, 2 the command or a file is wrong, 77 DIR is not there.\n";

template <class Backend, class Scalar>
bool check(const pst::io::Safetensors& file, const std::string& name, const char* backend) {
  const std::string kind = file.metadata().contains("kind") ? file.metadata().at("kind") : "";
  pst::require(kind == "layer" || kind == "training", name, ": metadata kind is \"", kind,
               "\", expected \"layer\" or \"training\"");
  const golden::Outcome outcome =
      kind == "layer" ? golden::check_layer<Backend, Scalar>(file) : golden::check_training<Backend, Scalar>(file);
  const auto worst = std::ranges::max_element(outcome.errors, {}, [](const auto& one) { return one.second; });
  std::printf("%-28s %-10s %-6s %9.1e %-14s %9.0e %6td  %s\n", name.c_str(), backend,
              sizeof(Scalar) == 4 ? "float" : "double", worst->second, worst->first.c_str(), outcome.tolerance,
              outcome.mask_differs, outcome.passed() ? "ok" : "FAILED");
  if (!outcome.passed())
    for (const auto& [tensor, error] : outcome.errors) std::printf("    %-16s %.2e\n", tensor.c_str(), error);
  std::fflush(stdout);
  return outcome.passed();
}

template <class Backend>
int failures(const pst::io::Safetensors& file, const std::string& name, const char* backend) {
  return (check<Backend, float>(file, name, backend) ? 0 : 1) + (check<Backend, double>(file, name, backend) ? 0 : 1);
}

int check_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
  std::ranges::sort(paths);
  pst::require(!paths.empty(), folder.string(), " holds no .safetensors file");
  std::printf("%-28s %-10s %-6s %9s %-14s %9s %6s\n", "file", "backend", "scalar", "error", "of", "tolerance", "mask");
  int failed = 0, checked = 0;
  for (const auto& path : paths) {
    const pst::io::Safetensors file = pst::io::Safetensors::open(path);
    const std::string name = path.stem().string();
    failed += failures<pst::Reference>(file, name, "Reference") + failures<pst::EigenCpu>(file, name, "EigenCpu");
    checked += 4;
#ifdef PST_GOLDEN_THRUST
    failed += failures<pst::ThrustCpp>(file, name, "ThrustCpp");
    checked += 2;
#endif
  }
  std::printf("%d of %d checks passed\n", checked - failed, checked);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || std::string_view{argv[1]} == "--help") {
    std::fputs(usage.data(), argc == 2 ? stdout : stderr);
    return argc == 2 ? 0 : 2;
  }
  if (!std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "golden_check: skipped, there is no folder %s\n", argv[1]);
    return 77;
  }
  try {
    return check_folder(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_check: %s\n", error.what());
    return 2;
  }
}

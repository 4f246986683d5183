// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <fstream>
#include <functional>

#include "common/files.hpp"
#include "finetune/export/output_folder.hpp"
#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;

namespace {

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const pst::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("an export is never written over the run, its base model, or another part of itself") {
  const TemporaryDirectory folder;
  const fs::path run = folder.path() / "run", base = folder.path() / "base", free = folder.path() / "free";
  fs::create_directories(run / "best");
  fs::create_directory(base);
  std::ofstream{base / "model.safetensors"} << "weights";
  fs::create_directory_symlink(base, folder.path() / "link");
  const auto check = [&](std::vector<fs::path> targets) {
    return error_of([&] { check_targets(targets, run, base); });
  };
  for (const fs::path& target : {run, run / "new", run / "best" / "state.safetensors", run / "", base / ".." / "run"})
    CHECK(check({target}) == target.string() + ": is in the folder of the run: choose another place");
  for (const fs::path& target : {base, base / "", folder.path() / "link", base / "model.safetensors",
                                 folder.path() / "link" / "model.safetensors", run / ".." / "base"})
    CHECK(check({target}) ==
          target.string() + ": is of the model that the run began from, which it needs: choose another place");
  for (const fs::path& again : {free, free / "", free / ".", folder.path() / "link" / ".." / "free"})
    CHECK(check({free, again}) == again.string() + ": is given for two things, expected a place for each");
  fs::create_directory(free);
  CHECK(!check({free, free / ""}).empty());
  CHECK(check({free, folder.path() / "run2", folder.path() / "base2", base / "sparse", free / "deep" / "er"}).empty());
  CHECK_MESSAGE(!fs::exists(folder.path() / "run2"), "a check makes nothing");

  const fs::path before = fs::current_path();
  fs::current_path(folder.path());  // names without a folder
  CHECK(!error_of([&] { check_targets(std::vector<fs::path>{"x", "./x"}, "run", "base"); }).empty());
  CHECK(!error_of([&] { check_targets(std::vector<fs::path>{"base"}, "run", base); }).empty());
  CHECK(error_of([&] { check_targets(std::vector<fs::path>{"x", "y"}, "run", "base"); }).empty());
  fs::current_path(before);
}

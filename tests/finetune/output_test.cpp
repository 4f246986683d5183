// SPDX-License-Identifier: Apache-2.0
#include <pst/core/error.hpp>

#include <fstream>

#include "common/files.hpp"
#include "finetune/export/output_folder.hpp"
#include "finetune/export/rename.hpp"
#include "model_data.hpp"

using namespace finetune;
using namespace finetune::test;
using pst::io::test::error_of;

namespace {

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream{file} << text;
}

const std::string meanwhile =
    ": has come into being meanwhile and is not overwritten: choose another name, or say --overwrite";

}  // namespace

TEST_CASE("an export is never written over the run, its base model, or another part of itself") {
  const TemporaryDirectory folder;
  const fs::path run = folder.path() / "run", base = folder.path() / "base", free = folder.path() / "free";
  fs::create_directories(run / "best");
  fs::create_directory(base);
  write(base / "model.safetensors", "weights");
  write(folder.path() / "blob", "{}");
  fs::create_symlink(folder.path() / "blob", base / "config.json");
  fs::create_directory_symlink(base, folder.path() / "link");
  const auto check = [&](std::vector<fs::path> targets) {
    return error_of([&] { check_targets(targets, run, base); });
  };
  for (const fs::path& target : {run, run / "new", run / "best" / "state.safetensors", run / "", base / ".." / "run"})
    CHECK(check({target}) == target.string() + ": is in the folder of the run: choose another place");
  for (const fs::path& target :
       {base, base / "", folder.path() / "link", base / "model.safetensors", folder.path() / "blob",
        base / "config.json", folder.path() / "link" / "model.safetensors", run / ".." / "base"})
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

TEST_CASE("a file of results is refused before the work where something is there, or no folder for it") {
  const TemporaryDirectory folder;
  const fs::path file = folder.path() / "file", deep = folder.path() / "none" / "file", link = folder.path() / "link";
  write(file, "precious");
  const auto check = [](const fs::path& target, bool overwrite) {
    return error_of([&] { check_output_file(target, "--out", overwrite); });
  };
  CHECK(check(file, false) == file.string() + ": exists and is not overwritten: give another --out, or --overwrite");
  CHECK(check(file, true).empty());
  CHECK(check(folder.path() / "new", false).empty());
  CHECK(check("new", false).empty());
  CHECK(check(folder.path(), true) ==
        folder.path().string() + ": is no plain file and is not overwritten: choose another name");
  CHECK(check(deep, true) == deep.string() + ": cannot be written, " + deep.parent_path().string() +
                                 " is no folder: make it, or give another --out");
  CHECK(check(file / "below", false) == (file / "below").string() + ": cannot be written, " + file.string() +
                                            " is no folder: make it, or give another --out");
  CHECK(!check(folder.path() / "new" / "", false).empty());
  fs::create_symlink(file, link);
  for (const bool overwrite : {false, true}) CHECK(!check(link, overwrite).empty());
  CHECK_MESSAGE(!fs::exists(folder.path() / "none"), "a check makes nothing");
}

TEST_CASE("what has come to the place of a folder meanwhile is not overwritten unasked") {
  const TemporaryDirectory folder;
  const fs::path out = folder.path() / "out";
  for (const char* file : {"config.json", "thesis.tex"}) {
    for (const bool overwrite : {false, true}) {
      OutputFolder output{out, overwrite};
      write(output.path() / "config.json", "new");
      write(out / file, "precious");
      const std::string error = error_of([&] { output.commit(); });
      if (!overwrite) CHECK(error == out.string() + meanwhile);
      CHECK(error.empty() == (overwrite && std::string{file} == "config.json"));
      CHECK(common::read_file(out / file) == (error.empty() ? "new" : "precious"));
      fs::remove_all(out);
    }
  }
  for (const bool overwrite : {false, true}) {
    OutputFolder output{out, overwrite};
    write(out, "a file");
    CHECK(!error_of([&] { output.commit(); }).empty());
    CHECK(common::read_file(out) == "a file");
    fs::remove(out);
    fs::create_directory(out);
    CHECK(error_of([&] { output.commit(); }).empty());  // an empty folder is nothing
    fs::remove(out);
  }
  CHECK(inside(folder.path()).empty());
}

TEST_CASE("what has come to the place of a file meanwhile is not overwritten unasked") {
  const TemporaryDirectory folder;
  const fs::path out = folder.path() / "out";
  for (const bool overwrite : {false, true}) {
    OutputFile output{out, overwrite};
    write(output.path(), "new");
    write(out, "precious");
    CHECK(error_of([&] { output.commit(); }) == (overwrite ? "" : out.string() + meanwhile));
    CHECK(common::read_file(out) == (overwrite ? "new" : "precious"));
    fs::remove(out);
  }
  for (const bool overwrite : {false, true}) {
    OutputFile output{out, overwrite};
    write(output.path(), "new");
    fs::create_symlink("elsewhere", out);
    CHECK(!error_of([&] { output.commit(); }).empty());
    CHECK(fs::is_symlink(out));
    fs::remove(out);
  }
  CHECK(inside(folder.path()).empty());
}

TEST_CASE("folders exchange their names, in steps too, and a step that fails is undone") {
  const TemporaryDirectory folder;
  const fs::path one = folder.path() / "one", other = folder.path() / "other";
  write(one / "file", "1");
  write(other / "file", "2");
  exchange(one, other);
  CHECK(common::read_file(one / "file") == "2");
  exchange_in_steps(one, other);
  CHECK(common::read_file(one / "file") == "1");
  CHECK(common::read_file(other / "file") == "2");
  fs::remove_all(one);
  for (const auto way : {exchange, exchange_in_steps}) {
    CHECK(error_of([&] { way(one, other); }) == other.string() + ": cannot be replaced: No such file or directory");
    CHECK(inside(folder.path()) == std::vector<fs::path>{"other"});
    CHECK(common::read_file(other / "file") == "2");
  }
}

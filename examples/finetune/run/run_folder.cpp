// SPDX-License-Identifier: Apache-2.0
#include "finetune/run/run_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <pst/core/error.hpp>

#include <cerrno>
#include <utility>

#include "common/files.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

constexpr const char* another_length =
    "rates and sparsity follow the length of a run, so that it cannot be changed: give another --out for a run of that "
    "length, or write what this one came to by `export --to-folder` and go on from that folder as --model, with "
    "--schedule constant where its zeros are to stay";
constexpr std::size_t most_bytes_of_settings = std::size_t{1} << 20;

/// What a process that died while it wrote a file has left.
bool is_leftover(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.starts_with(".pst-") && name.ends_with(".tmp");
}

bool holds_nothing(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator{folder})
    if (!is_leftover(entry.path())) return false;
  return true;
}

void sweep(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator{folder})
    if (is_leftover(entry.path())) fs::remove(entry.path());
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  pst::require(!error, folder.string(), ": cannot be made: ", error.message());
}

/// Those of the run that began in a folder; settings.json may also be another program's.
Settings settings_there(const fs::path& folder) {
  try {
    return read_settings(folder);
  } catch (const pst::Error& error) {
    pst::fail(error.what(), ": nothing is written to ", folder.string(), ", give a new folder with --out");
  }
}

void refuse_others(const fs::path& folder, const Settings& settings) {
  if (!fs::exists(settings_file(folder))) {
    pst::require(holds_nothing(folder), folder.string(),
                 ": holds other files and no run, nothing is written there: give a new folder with --out");
    return;
  }
  const Settings there = settings_there(folder);
  if (!fs::exists(snapshot_file(folder, Checkpoint::last))) return;  // it has come to nothing yet
  Settings moved = there;
  moved.model = settings.model;
  moved.data = settings.data;
  const std::string differs = difference(moved, settings);
  if (differs.empty()) return;
  moved.steps = settings.steps;
  moved.epochs = settings.epochs;
  const bool in_length_alone = difference(moved, settings).empty();
  pst::fail(folder.string(), ": holds a run with other settings (", differs,
            "): ", in_length_alone ? another_length : "give another --out, or the same settings to go on");
}

}  // namespace

fs::path settings_file(const fs::path& folder) { return folder / "settings.json"; }
fs::path snapshot_file(const fs::path& folder, Checkpoint which) {
  return folder / (which == Checkpoint::best ? "best" : "last") / "state.safetensors";
}

Settings read_settings(const fs::path& folder) {
  const fs::path file = settings_file(folder);
  std::error_code error;
  const bool is_there = fs::is_regular_file(file, error);
  pst::require(!error || error == std::errc::no_such_file_or_directory, file.string(),
               ": cannot be examined: ", error.message());
  pst::require(is_there, folder.string(),
               ": is not the folder of a run, it has no settings.json; give what train was given with --out");
  return parse_settings(common::read_file(file, most_bytes_of_settings), file.string());
}

RunFolder::RunFolder(fs::path folder, const Settings& settings) : folder_{std::move(folder)} {
  std::error_code error;
  pst::require(!fs::exists(folder_, error) || fs::is_directory(folder_, error), folder_.string(),
               ": is a file, expected a folder: give another --out");
  is_new_ = !fs::exists(folder_, error);
  make_folder(folder_);
  lock_ = pst::io::FileDescriptor{folder_, O_RDONLY | O_DIRECTORY};
  pst::require(lock_.is_open(), folder_.string(), ": cannot be opened");
  pst::require(::flock(lock_.number(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK, folder_.string(),
               ": another process trains there: wait for it, or give another --out");
  refuse_others(folder_, settings);
  sweep(folder_);
  // The settings come first: a folder that holds other things without them is refused.
  if (!fs::exists(snapshot_file(folder_, Checkpoint::last))) write_settings(settings);
  for (const fs::path& inside : {folder_ / "last", folder_ / "best"}) {
    make_folder(inside);
    sweep(inside);
  }
}

std::optional<Snapshot> RunFolder::last() const {
  const fs::path file = snapshot_file(folder_, Checkpoint::last);
  if (!fs::exists(file)) return std::nullopt;
  try {
    return read_snapshot(file);
  } catch (const pst::Error& error) {
    pst::fail(
        error.what(), ": the run cannot go on from this state, mend it or begin again with another --out",
        fs::exists(snapshot_file(folder_, Checkpoint::best)) ? "; `export --checkpoint best` may still work" : "");
  }
}

void RunFolder::write_settings(const Settings& settings) const {
  common::write_file(settings_file(folder_), settings_text(settings));
}

void RunFolder::abandon() const noexcept {
  std::error_code ignored;
  if (fs::exists(snapshot_file(folder_, Checkpoint::last), ignored)) return;
  fs::remove(settings_file(folder_), ignored);
  for (const fs::path& made : {folder_ / "last", folder_ / "best"}) fs::remove(made, ignored);  // if they are empty
  if (is_new_) fs::remove(folder_, ignored);
}

void RunFolder::save(Checkpoint which, const Snapshot& snapshot) const {
  write_snapshot(snapshot_file(folder_, which), snapshot);
}

}  // namespace finetune

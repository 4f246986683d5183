// SPDX-License-Identifier: Apache-2.0
#include "finetune/export/output_folder.hpp"

#include <unistd.h>
#include <pst/core/error.hpp>
#include <pst/io/atomic_file.hpp>
#include <pst/io/file_descriptor.hpp>
#include <pst/io/mapped_file.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string_view>
#include <system_error>
#include <vector>

#include "finetune/export/rename.hpp"

namespace finetune {

namespace fs = std::filesystem;

namespace {

constexpr const char* exists_now =
    ": has come into being meanwhile and is not overwritten: choose another name, or say --overwrite";

fs::path without_slash(fs::path path) {
  path = path.lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

/// The same for each name of a place, as far as it is there.
fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path), found = fs::weakly_canonical(whole, error);
  return without_slash(error ? whole : found);
}

bool is_same(const fs::path& one, const fs::path& other) {
  std::error_code error;
  return one == other || (fs::equivalent(one, other, error) && !error);
}

bool is_inside(const fs::path& path, const fs::path& folder) {
  for (fs::path above = path; above.has_relative_path(); above = above.parent_path())
    if (is_same(above, folder)) return true;
  return false;
}

/// Whether it is one of the files in a folder, which may also be links.
bool is_file_in(const fs::path& folder, const fs::path& path) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator{folder, error})
    if (!entry.is_directory(error) && is_same(entry.path(), path)) return true;
  return false;
}

/// A name in the same directory that nobody else has.
fs::path make_sibling(const fs::path& target) {
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path{"."};
  std::error_code error;
  fs::create_directories(parent, error);
  std::string name = (parent / ("." + target.filename().string() + ".pst-XXXXXX")).string();
  if (error || ::mkdtemp(name.data()) == nullptr)
    pst::fail(target.string(), ": cannot be written, no folder can be made beside it: ",
              error ? error.message() : std::generic_category().message(errno));
  return name;
}

/// Removing a folder is not undone, so it must look like one that was exported.
void check_replaceable(const fs::path& target) {
  static const std::set<std::string_view> written{".json", ".txt", ".safetensors", ".md"};
  pst::require(fs::is_directory(fs::symlink_status(target)), target.string(),
               ": is no folder and is not replaced by one: choose another name");
  for (const fs::directory_entry& entry : fs::directory_iterator{target}) {
    const std::string extension = entry.path().extension().string();
    pst::require(fs::is_regular_file(entry.symlink_status()) && written.contains(extension), target.string(),
                 ": holds ", entry.path().filename().string(),
                 ", which no export writes, so it is not overwritten: choose another folder");
  }
  pst::require(fs::exists(target / "config.json") || fs::exists(target / "adapter_config.json") || fs::is_empty(target),
               target.string(), ": holds no config.json, so it is not overwritten: choose another folder");
}

void check_replaceable_file(const fs::path& target) {
  const fs::file_status status = fs::symlink_status(target);
  pst::require(!fs::exists(status) || fs::is_regular_file(status), target.string(),
               ": is no plain file and is not overwritten: choose another name");
}

}  // namespace

void check_targets(std::span<const fs::path> targets, const fs::path& run, const fs::path& base) {
  const fs::path of_run = resolved(run), of_base = resolved(base);
  std::vector<fs::path> places;
  for (const fs::path& target : targets) {
    const fs::path place = resolved(target);
    pst::require(!is_inside(place, of_run), target.string(), ": is in the folder of the run: choose another place");
    pst::require(!is_same(place, of_base) && !is_file_in(of_base, place), target.string(),
                 ": is of the model that the run began from, which it needs: choose another place");
    for (const fs::path& other : places)
      pst::require(!is_same(place, other), target.string(), ": is given for two things, expected a place for each");
    places.push_back(place);
  }
}

OutputFolder::OutputFolder(fs::path target, bool overwrite)
    : target_{without_slash(std::move(target))}, overwrite_{overwrite} {
  pst::require(!target_.empty() && target_.filename() != "." && target_.filename() != "..", "\"", target_.string(),
               "\" is no name for a folder to write");
  if (fs::exists(fs::symlink_status(target_))) {
    pst::require(overwrite || (fs::is_directory(target_) && fs::is_empty(target_)), target_.string(),
                 ": exists and is not overwritten: choose another folder, or say --overwrite");
    check_replaceable(target_);
  }
  temporary_ = make_sibling(target_);
  fs::permissions(temporary_,
                  fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec,
                  fs::perm_options::add);
}

OutputFolder::~OutputFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

void OutputFolder::commit() {
  // A folder takes a free name or that of an empty folder; the system refuses any other.
  if (::rename(temporary_.c_str(), target_.c_str()) == 0) {
    temporary_.clear();
    return pst::io::sync_name(target_);
  }
  if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) pst::io::fail_with_errno(target_, "cannot be written");
  pst::require(overwrite_, target_.string(), exists_now);
  check_replaceable(target_);
  exchange(temporary_, target_);
  pst::io::sync_name(target_);
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);  // which is what was there
}

OutputFile::OutputFile(fs::path target, bool overwrite) : target_{std::move(target)}, overwrite_{overwrite} {
  pst::require(target_.has_filename() && !fs::is_directory(target_), "\"", target_.string(),
               "\" is a folder, expected the name of a file to write");
  check_output_file(target_, "file", overwrite);
  folder_ = make_sibling(target_);
}

OutputFile::~OutputFile() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void OutputFile::commit() {
  if (overwrite_) {
    check_replaceable_file(target_);
    if (::rename(path().c_str(), target_.c_str()) != 0) pst::io::fail_with_errno(target_, "cannot be replaced");
  } else {
    pst::require(rename_to_new(path(), target_), target_.string(), exists_now);
  }
  pst::io::sync_name(target_);
}

void check_output_file(const fs::path& target, const char* option, bool overwrite) {
  std::error_code error;
  pst::require(overwrite || !fs::exists(fs::symlink_status(target, error)), target.string(),
               ": exists and is not overwritten: give another ", option, ", or --overwrite");
  check_replaceable_file(target);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path{"."};
  pst::require(target.has_filename() && fs::is_directory(folder, error), target.string(), ": cannot be written, ",
               folder.string(), " is no folder: make it, or give another ", option);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    pst::fail(target.string(), ": cannot be written: ", std::generic_category().message(errno), ": give another ",
              option);
}

void copy_tokenizer_files(const fs::path& from, const fs::path& to) {
  for (const char* name : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                           "vocab.txt", "vocab.json", "merges.txt", "generation_config.json"}) {
    if (!fs::is_regular_file(from / name)) continue;
    const pst::io::MappedFile source{from / name};
    pst::io::AtomicFile copy{to / name};
    copy.write(source.bytes());
    copy.commit();
  }
}

}  // namespace finetune

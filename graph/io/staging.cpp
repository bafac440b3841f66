#include "graph/io/staging.h"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "graph/io/file.h"
#include "graph/io/manifest.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

bool is_one_of_ours(const fs::path& file) {
  const std::string name = file.filename().string();
  for (const char* known :
       {kManifestName, kUsersName, kItemsName, kEntitiesName, kRelationsName, kKnowledgeName}) {
    if (name == known) return true;
  }
  return false;
}

bool is_lane(const std::string& name) {
  return name.starts_with("lane-") && name.ends_with(".bin");
}
bool is_feature(const std::string& name) { return name.ends_with(".bin"); }

// An entry of the folder that `prepare` would not have written, if there is one.
std::optional<fs::path> foreign_entry(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (is_one_of_ours(path)) continue;
    const bool lanes = path.filename() == kLanesName;
    if ((!lanes && path.filename() != kFeaturesName) || !entry.is_directory() ||
        entry.is_symlink()) {
      return path;
    }
    for (const fs::directory_entry& inner : fs::directory_iterator(path)) {
      const std::string file = inner.path().filename().string();
      if (inner.is_directory() || !(lanes ? is_lane(file) : is_feature(file))) return inner.path();
    }
  }
  return std::nullopt;
}

void check_replaceable(const fs::path& folder, bool force) {
  require_user(fs::is_directory(folder), Exit::usage, "choose another folder",
               "{}: found a file, expected a folder or nothing", folder.string());
  if (fs::is_empty(folder)) return;
  require_user(force, Exit::usage, "choose another folder, or replace this one with --force",
               "{}: the folder exists and is not empty", folder.string());
  const std::optional<fs::path> foreign = foreign_entry(folder);
  require_user(!foreign, Exit::usage, "choose another folder",
               "{}: found {}, which is not part of a prepared data set; the folder is not replaced",
               folder.string(), foreign.value_or(fs::path{}).filename().string());
}

}  // namespace

Staging::Staging(fs::path out, bool force)
    : out_(std::move(out)), tmp_(out_.string() + ".tmp"), old_(out_.string() + ".old") {
  if (fs::exists(out_)) check_replaceable(out_, force);
  for (const fs::path& rest : {tmp_, old_}) {
    if (fs::exists(rest)) check_replaceable(rest, true);
  }
}

Staging::~Staging() {
  std::error_code ignored;
  if (!done_) fs::remove_all(tmp_, ignored);
}

void Staging::create() {
  for (const fs::path& rest : {tmp_, old_}) {  // what a run left that was killed
    if (!fs::exists(rest)) continue;
    check_replaceable(rest, true);
    fs::remove_all(rest);
  }
  std::error_code error;
  fs::create_directories(out_.parent_path(), error);
  require_user(!error && fs::is_directory(out_.parent_path()), Exit::io,
               "check the path and its permissions", "{}: cannot create this folder: {}",
               out_.parent_path().string(), error.message());
  done_ = false;
  fs::create_directory(tmp_);
}

void Staging::publish() {
  sync_folder(tmp_);
  const bool replaces = fs::exists(out_) && !fs::is_empty(out_);
  if (replaces) fs::rename(out_, old_);
  std::error_code error;
  fs::rename(tmp_, out_, error);
  if (error && replaces) fs::rename(old_, out_);
  require_user(!error, Exit::io, "check the path and its permissions", "{}: cannot create: {}",
               out_.string(), error.message());
  done_ = true;
  sync_folder(out_.parent_path());
  if (replaces) fs::remove_all(old_);
}

}  // namespace chorale

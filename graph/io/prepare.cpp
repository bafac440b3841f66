// The steps of `chorale prepare`. Nothing outside OUT.tmp is touched before everything is written
// and synced, and nothing that is not recognisably a prepared data set is ever removed.
#include "graph/io/prepare.h"

#include <cmath>
#include <optional>
#include <utility>

#include "graph/io/dataset_writer.h"
#include "graph/io/file.h"
#include "graph/io/interactions.h"
#include "graph/io/manifest.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

// An entry of the folder that `prepare` would not have written, if there is one.
std::optional<fs::path> foreign_entry(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == kManifestName || name == kUsersName || name == kItemsName) continue;
    if (name != kLanesName || !entry.is_directory() || entry.is_symlink()) return entry.path();
    for (const fs::directory_entry& lane : fs::directory_iterator(entry.path())) {
      const std::string file = lane.path().filename().string();
      if (!file.starts_with("lane-") || !file.ends_with(".bin")) return lane.path();
    }
  }
  return std::nullopt;
}

void check_options(const PrepareOptions& o) {
  require_user(o.lanes >= 1 && o.lanes <= kMostLanes, Exit::usage, "64 suits most runs",
               "found {} lanes, expected 1 to {}", o.lanes, kMostLanes);
  require_user(o.validation >= 0 && o.validation < 1, Exit::usage,
               "0.1 holds out a tenth of each user's training items",
               "found a validation share of {}, expected at least 0 and less than 1", o.validation);
  require_user(!o.out.empty(), Exit::usage, "name a folder with --out",
               "no output folder is given");
}

// Nothing but a prepared data set, or a piece of one, is ever deleted.
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

// OUT.tmp, which becomes OUT when all is well and otherwise disappears.
class Staging {
 public:
  explicit Staging(const fs::path& out)
      : out_(out), tmp_(out.string() + ".tmp"), old_(out.string() + ".old") {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    std::error_code ignored;
    if (!done_) fs::remove_all(tmp_, ignored);
  }

  const fs::path& folder() const { return tmp_; }

  void create() {
    remove_rest(tmp_);
    remove_rest(old_);
    fs::create_directory(tmp_);
    fs::create_directory(tmp_ / kLanesName);
  }

  void publish() {
    sync_folder(tmp_ / kLanesName);
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

 private:
  // What a run left that was killed.
  static void remove_rest(const fs::path& folder) {
    if (!fs::exists(folder)) return;
    check_replaceable(folder, true);
    fs::remove_all(folder);
  }

  fs::path out_, tmp_, old_;
  bool done_ = false;
};

// An absolute path without links, dots or a final slash.
fs::path resolved_out(const PrepareOptions& o) {
  fs::path out = fs::weakly_canonical(fs::absolute(o.out));
  if (!out.has_filename()) out = out.parent_path();
  require_user(fs::is_directory(out.parent_path()), Exit::io, "create it first",
               "{}: found no folder of this name to put the data set in",
               out.parent_path().string());
  require_user(!fs::exists(o.source) || !fs::exists(out) || !fs::equivalent(o.source, out),
               Exit::usage, "choose another folder for --out",
               "{}: the output folder is the source itself", out.string());
  if (fs::exists(out)) check_replaceable(out, o.force);
  for (const fs::path rest : {out.string() + ".tmp", out.string() + ".old"}) {
    if (fs::exists(rest)) check_replaceable(rest, true);
  }
  return out;
}

Splits make_splits(const PrepareOptions& o, const RawData& raw, std::vector<ReportLine>& report) {
  const auto users = static_cast<Index>(raw.user_names.size());
  const auto items = static_cast<Index>(raw.item_names.size());
  const auto grouped = [&](const InteractionList& pairs, const char* split) {
    Grouped g = group_by_user(pairs, users, items);
    report_if(report, std::string(split) + ": duplicate interactions, kept once", g.duplicates);
    return std::move(g.lists);
  };
  Splits s;
  s.train = grouped(raw.train, "train");
  s.validation = grouped(raw.validation, "validation");
  s.test = grouped(raw.test, "test");
  if (o.validation > 0) {
    require_user(
        s.validation.size() == 0, Exit::usage, "drop the option to use the split that is given",
        "{}: the source has a validation split, so none can be held out", o.source.string());
    HoldOut h = hold_out(s.train, o.validation, o.seed);
    report_if(report, "users with one training item, none held out for validation", h.too_few);
    s.train = std::move(h.kept);
    s.validation = std::move(h.held);
  }
  for (ReportLine& line : survey(s, items)) report.push_back(std::move(line));
  return s;
}

std::vector<SourceFile> describe_files(const PrepareOptions& o, const RawData& raw) {
  std::vector<SourceFile> files;
  for (const std::string& name : raw.files) {
    const MappedFile file = MappedFile::open(o.source / name, Exit::data);
    files.push_back({name, file.size(), digest_of(file.bytes()).hex()});
  }
  return files;
}

PrepareReport prepare_checked(const PrepareOptions& options) {
  check_options(options);
  const Reader& reader = find_reader(options.format);
  const fs::path out = resolved_out(options);
  RawData raw = reader.read(options.source);

  PrepareReport report;
  report.lines = std::move(raw.report);
  const Splits splits = make_splits(options, raw, report.lines);
  report.users = static_cast<Index>(raw.user_names.size());
  report.items = static_cast<Index>(raw.item_names.size());
  report.train = splits.train.size();
  report.validation = splits.validation.size();
  report.test = splits.test.size();

  Staging staging(out);
  staging.create();
  Manifest m;
  m.users = report.users;
  m.items = report.items;
  m.interactions = {report.train, report.validation, report.test};
  m.lanes = options.lanes;
  m.digest =
      write_dataset_files(staging.folder(), splits, raw.user_names, raw.item_names, options.lanes);
  m.format = options.format;
  m.files = describe_files(options, raw);
  m.validation = options.validation;
  m.seed = options.seed;
  m.report = report.lines;
  write_file(staging.folder() / kManifestName, to_text(m));
  staging.publish();
  return report;
}

}  // namespace

PrepareReport prepare(const PrepareOptions& options) {
  try {
    return prepare_checked(options);
  } catch (const fs::filesystem_error& e) {
    throw Error(Exit::io, fmt::format("prepare: {}", e.what()),
                "check the paths and their permissions");
  }
}

}  // namespace chorale

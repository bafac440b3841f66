// The steps of `chorale prepare`. Nothing outside OUT.tmp is touched before everything is written
// and synced.
#include "graph/io/prepare.h"

#include <algorithm>
#include <utility>

#include "graph/io/file.h"
#include "graph/io/split.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

void check_options(const PrepareOptions& o) {
  require_user(o.lanes >= 1 && o.lanes <= kMostLanes, Exit::usage, "64 suits most runs",
               "found {} lanes, expected 1 to {}", o.lanes, kMostLanes);
  require_user(!o.out.empty(), Exit::usage, "name a folder with --out",
               "no output folder is given");
  check_split_options(o);
  check_feature_names(o.features);
}

// What every reader promises about the facts, and then each fact once.
void check_and_deduplicate(RawKnowledge& knowledge, Index items, std::vector<ReportLine>& report) {
  const Index entities = items + static_cast<Index>(knowledge.other_names.size());
  const auto relations = static_cast<Index>(knowledge.relation_names.size());
  for (const Fact& f : knowledge.facts) {
    require(f.head >= 0 && f.head < entities && f.tail >= 0 && f.tail < entities &&
                f.relation >= 0 && f.relation < relations,
            "fact ({}, {}, {}) of {} entities and {} relations", f.head, f.relation, f.tail,
            entities, relations);
  }
  std::ranges::sort(knowledge.facts);
  const auto repeated = std::ranges::unique(knowledge.facts);
  report_if(report, "knowledge: duplicate facts, kept once", static_cast<Index>(repeated.size()));
  knowledge.facts.erase(repeated.begin(), repeated.end());

  std::vector<char> named(static_cast<std::size_t>(entities), 0);
  for (const Fact& f : knowledge.facts) {
    named[static_cast<std::size_t>(f.head)] = named[static_cast<std::size_t>(f.tail)] = 1;
  }
  report_if(report, "items that no fact names",
            std::count(named.begin(), named.begin() + items, 0));
  report_if(report, "other entities that no fact names",
            std::count(named.begin() + items, named.end(), 0));
}

SourceFile describe_file(const fs::path& path, const std::string& name) {
  const MappedFile file = MappedFile::open(path, Exit::data);
  return {name, file.size(), digest_of(file.bytes()).hex()};
}

std::vector<SourceFile> describe_files(const PrepareOptions& o,
                                       const std::vector<std::string>& names) {
  const fs::path folder = fs::is_directory(o.source) ? o.source : o.source.parent_path();
  std::vector<SourceFile> files;
  for (const std::string& name : names) files.push_back(describe_file(folder / name, name));
  for (const FeatureSource& f : o.features) {
    files.push_back(describe_file(f.file, f.file.filename().string()));
  }
  return files;
}

Manifest describe(const PrepareOptions& o, const std::vector<std::string>& files,
                  std::vector<ReportLine> report) {
  Manifest m;
  m.lanes = o.lanes;
  m.format = o.format;
  m.files = describe_files(o, files);
  m.validation = o.validation;
  m.test = o.test;
  m.cold_items = o.cold_items;
  m.seed = o.seed;
  m.report = std::move(report);
  return m;
}

PrepareReport prepare_checked(const PrepareOptions& options) {
  check_options(options);
  const Reader& reader = find_reader(options.format);
  const fs::path out = resolved_out(options.out);
  require_user(
      !fs::exists(options.source) || !fs::exists(out) || !fs::equivalent(options.source, out),
      Exit::usage, "choose another folder for --out", "{}: the output folder is the source itself",
      out.string());
  Staging staging(out, options.force);
  RawData raw = reader.read(options.source);

  DatasetContents contents;
  for (const FeatureSource& f : options.features)
    contents.features.push_back(read_features(f, raw));
  std::vector<ReportLine> report = std::move(raw.report);
  contents.splits = make_splits(options, raw, report);
  contents.user_names = std::move(raw.user_names);
  contents.item_names = std::move(raw.item_names);
  contents.knowledge = std::move(raw.knowledge);
  if (contents.knowledge) {
    check_and_deduplicate(*contents.knowledge, contents.items(), report);
  }

  raw.train = {};
  return publish(staging, contents, describe(options, raw.files, std::move(report)),
                 options.threads);
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

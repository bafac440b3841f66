// dataset.json in a fixed order of keys: the text is a function of the manifest, so it can be
// compared whole.
#include "graph/io/manifest.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "graph/io/file.h"
#include "graph/io/text.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kFormatVersion = 2;
constexpr const char* kFormatName = "chorale-dataset";
constexpr std::array<const char*, 3> kSplits = {"train", "validation", "test"};

std::string serialised(const Json& json) { return json.dump(2) + "\n"; }

Json to_json(const Manifest& m) {
  Json json;
  json["format"] = kFormatName;
  json["version"] = kFormatVersion;
  json["users"] = m.users;
  json["items"] = m.items;
  json["entities"] = m.entities;
  json["relations"] = m.relations;
  json["triples"] = m.triples;
  json["features"] = Json::array();
  for (const FeatureInfo& f : m.features) {
    json["features"].push_back({{"name", f.name}, {"side", name(f.side)}, {"columns", f.cols}});
  }
  for (std::size_t s = 0; s < kSplits.size(); ++s) {
    json["interactions"][kSplits[s]] = m.interactions[s];
  }
  json["lanes"] = m.lanes;
  json["digest"] = m.digest;
  json["source"]["format"] = m.format;
  json["source"]["files"] = Json::array();
  for (const SourceFile& f : m.files) {
    json["source"]["files"].push_back({{"name", f.name}, {"bytes", f.bytes}, {"digest", f.digest}});
  }
  json["options"] = {{"validation", m.validation},
                     {"test", m.test},
                     {"cold_items", m.cold_items},
                     {"seed", m.seed}};
  json["report"] = Json::array();
  for (const ReportLine& line : m.report) {
    json["report"].push_back({{"what", line.what}, {"count", line.count}});
  }
  return json;
}

Manifest from_json(const Json& json) {
  Manifest m;
  m.users = json.at("users").get<Index>();
  m.items = json.at("items").get<Index>();
  m.entities = json.at("entities").get<Index>();
  m.relations = json.at("relations").get<Index>();
  m.triples = json.at("triples").get<Index>();
  for (const Json& f : json.at("features")) {
    const bool is_user = f.at("side").get<std::string>() == name(Features::Side::user);
    m.features.push_back({f.at("name").get<std::string>(),
                          is_user ? Features::Side::user : Features::Side::item,
                          f.at("columns").get<Index>()});
  }
  for (std::size_t s = 0; s < kSplits.size(); ++s) {
    m.interactions[s] = json.at("interactions").at(kSplits[s]).get<Index>();
  }
  m.lanes = json.at("lanes").get<int>();
  m.digest = json.at("digest").get<std::string>();
  m.format = json.at("source").at("format").get<std::string>();
  for (const Json& f : json.at("source").at("files")) {
    m.files.push_back({f.at("name").get<std::string>(), f.at("bytes").get<Index>(),
                       f.at("digest").get<std::string>()});
  }
  m.validation = json.at("options").at("validation").get<double>();
  m.test = json.at("options").at("test").get<double>();
  m.cold_items = json.at("options").at("cold_items").get<double>();
  m.seed = json.at("options").at("seed").get<std::uint64_t>();
  for (const Json& line : json.at("report")) {
    m.report.push_back({line.at("what").get<std::string>(), line.at("count").get<Index>()});
  }
  return m;
}

[[noreturn]] void damaged(const fs::path& path, const std::string& what) {
  throw Error(Exit::data, fmt::format("{}: {}", path.string(), what),
              std::string("the file is damaged or was edited; prepare the data set again"));
}

void check_version(const fs::path& path, const Json& json) {
  if (!json.is_object() || json.value("format", std::string{}) != kFormatName) {
    damaged(path, fmt::format("not the description of a prepared data set, expected format \"{}\"",
                              kFormatName));
  }
  const auto version = json.value("version", Index{0});
  require_user(version == kFormatVersion, Exit::data,
               "prepare the data set again with this version of chorale, adding --force to replace "
               "this folder",
               "{}: found data set version {}, expected {}", path.string(), version,
               kFormatVersion);
}

}  // namespace

std::string lane_file_name(int lane) { return fmt::format("lane-{:04}.bin", lane); }

// The checksum comes last and is of the text without it.
std::string to_text(const Manifest& manifest) {
  Json json = to_json(manifest);
  json["checksum"] = digest_of(serialised(json)).hex();
  return serialised(json);
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifestName;
  require_user(fs::is_directory(folder) && fs::exists(path), Exit::data, kPrepareHint,
               "no prepared data set at {}", folder.string());
  const MappedFile file = MappedFile::open(path, Exit::data);
  try {
    const Json json = Json::parse(file.text());
    check_version(path, json);
    Manifest m = from_json(json);
    if (to_text(m) != file.text()) damaged(path, "the checksum does not fit the content");
    if (m.users < 1 || m.items < 1 || m.lanes < 1 || m.lanes > kMostLanes) {
      damaged(path, fmt::format("found {} users, {} items and {} lanes, expected some of each",
                                m.users, m.items, m.lanes));
    }
    const Index most_entities = m.has_knowledge() ? kLargestId : m.items;
    if (m.entities < m.items || m.entities > most_entities || m.relations < 0 ||
        (m.triples > 0) != m.has_knowledge()) {
      damaged(path, fmt::format("found {} entities, {} relations and {} triples for {} items",
                                m.entities, m.relations, m.triples, m.items));
    }
    return m;
  } catch (const Json::exception& e) {
    damaged(path, fmt::format("not valid: {}", e.what()));
  }
}

void DatasetDigest::add_sections(const std::string& file,
                                 const std::vector<SectionInfo>& sections) {
  for (const SectionInfo& s : sections) {
    text_ += fmt::format("{} {} {} {} {} {}\n", file, s.name, static_cast<std::uint32_t>(s.type),
                         s.rows, s.cols, s.digest.hex());
  }
}

void DatasetDigest::add_file(const std::string& name, const Digest& digest) {
  text_ += fmt::format("{} {}\n", name, digest.hex());
}

}  // namespace chorale

// dataset.json of a prepared folder: what is in it, where it came from, and how to tell that it is
// whole. Every byte of it counts: a file that is not exactly what would be written again is
// damaged.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/features.h"
#include "graph/io/lane_file.h"
#include "graph/io/reader.h"

namespace chorale {

inline constexpr const char* kManifestName = "dataset.json";
inline constexpr const char* kUsersName = "users.tsv";
inline constexpr const char* kItemsName = "items.tsv";
inline constexpr const char* kLanesName = "lanes";
// With a knowledge graph:
inline constexpr const char* kEntitiesName = "entities.tsv";  // of those that are no items
inline constexpr const char* kRelationsName = "relations.tsv";
inline constexpr const char* kKnowledgeName = "knowledge.bin";
// With features:
inline constexpr const char* kFeaturesName = "features";
inline constexpr const char* kPrepareHint =
    "write it with: chorale prepare --format lightgcn SRC --out DIR";
constexpr int kMostLanes = 65536;

std::string lane_file_name(int lane);  // "lane-0007.bin"

struct SourceFile {
  std::string name;
  Index bytes = 0;
  std::string digest;
};

struct FeatureInfo {
  std::string name;
  Features::Side side = Features::Side::item;
  Index cols = 0;
};

struct Manifest {
  Index users = 0;
  Index items = 0;
  Index entities = 0;   // items and what only the knowledge graph names
  Index relations = 0;  // none: there is no knowledge graph
  Index triples = 0;
  std::vector<FeatureInfo> features;
  std::array<Index, 3> interactions{};  // by Split
  int lanes = 0;
  std::string digest;  // DatasetDigest::hex()
  std::string format;  // of the source
  std::vector<SourceFile> files;
  double validation = 0;
  double test = 0;
  double cold_items = 0;
  std::uint64_t seed = 0;
  std::vector<ReportLine> report;

  bool has_knowledge() const { return relations > 0; }
  Index rows(Features::Side side) const { return side == Features::Side::user ? users : items; }
};

std::string to_text(const Manifest& manifest);
// Throws Error (Exit::data) if there is none, or if it is of another version or damaged.
Manifest read_manifest(const std::filesystem::path& folder);

// The digest of a data set: of one text with a line per section and per id map.
class DatasetDigest {
 public:
  void add_sections(const std::string& file, const std::vector<SectionInfo>& sections);
  void add_file(const std::string& name, const Digest& digest);
  std::string hex() const { return digest_of(text_).hex(); }

 private:
  std::string text_;
};

}  // namespace chorale

// Opening a prepared folder: nothing is handed out before every byte has been verified and every id
// is known to lie in range, so the lookups need no further checks than those of their arguments.
#include "graph/io/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "graph/io/dataset_lane.h"
#include "graph/io/manifest.h"
#include "graph/io/names.h"
#include "kernels/check.h"
#include "kernels/cpu/thread_pool.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

const char* const kHint = "files of two data sets are mixed up; prepare the data set again";

// Where a user or an entity is.
struct Place {
  std::int32_t lane = -1;
  std::int32_t index = 0;  // among the lane's users, its items or its other entities
};

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// Notes where each id of a lane is. Throws if one was met before.
void note_places(std::vector<Place>& places, std::span<const Index> ids, int lane,
                 std::string_view kind, const std::string& path) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Place& place = places[at(ids[i])];
    require_user(place.lane < 0, Exit::data, kHint, "{}: found {} {} a second time, first in {}",
                 path, kind, ids[i], lane_file_name(place.lane));
    place = {lane, static_cast<std::int32_t>(i)};
  }
}

}  // namespace

std::string_view name(Split split) {
  constexpr std::array<std::string_view, 3> names = {"train", "validation", "test"};
  return names[static_cast<std::size_t>(split)];
}

struct Dataset::Contents {
  Contents(fs::path where, Manifest m)
      : folder(std::move(where)),
        manifest(std::move(m)),
        user_names(folder / kUsersName, manifest.users),
        item_names(folder / kItemsName, manifest.items) {}

  void open_lanes(ThreadPool& pool);
  void open_knowledge_and_features();
  void check() const;
  void check_interactions() const;
  std::string digest_of_files() const;
  // Throws Error (Exit::data) unless the numbers are equal.
  void expect(std::string_view what, Index found, Index expected) const {
    require_user(found == expected, Exit::data, kHint, "{}: found {} {}, expected {}",
                 (folder / kManifestName).string(), found, what, expected);
  }
  const Place& user(Index u) const {
    require(u >= 0 && u < manifest.users, "user {} of {}", u, manifest.users);
    return user_places[at(u)];
  }
  const Place& item(Index i) const {
    require(i >= 0 && i < manifest.items, "item {} of {}", i, manifest.items);
    return entity_places[at(i)];
  }
  const Place& entity(Index e) const {
    require(e >= 0 && e < manifest.entities, "entity {} of {}", e, manifest.entities);
    return entity_places[at(e)];
  }
  const KnowledgeFile& facts(Index e) const {
    require(knowledge.has_value(), "{} has no knowledge graph", folder.string());
    require(e >= 0 && e < manifest.entities, "entity {} of {}", e, manifest.entities);
    return *knowledge;
  }

  fs::path folder;
  Manifest manifest;
  Names user_names, item_names;
  std::optional<Names> other_names, relation_names;
  std::vector<DatasetLane> lanes;
  // First row of each lane, and the number of rows: of all nodes, of the users, of the items.
  std::vector<Index> row_begin{0}, user_begin{0}, item_begin{0};
  std::vector<Place> user_places, entity_places;
  std::optional<KnowledgeFile> knowledge;
  std::vector<LaneFile> features;  // as in the manifest
};

void Dataset::Contents::open_lanes(ThreadPool& pool) {
  user_places.resize(at(manifest.users));
  entity_places.resize(at(manifest.entities));
  lanes.resize(at(manifest.lanes));
  pool.parallel_for(manifest.lanes, 1, [&](Index first, Index last) {
    for (Index l = first; l < last; ++l) {
      lanes[at(l)] = open_dataset_lane(folder, static_cast<int>(l), manifest);
    }
  });
  for (int l = 0; l < manifest.lanes; ++l) {
    const DatasetLane& lane = lanes[at(l)];
    note_places(user_places, lane.users, l, "user", lane.file.path());
    note_places(entity_places, lane.items, l, "item", lane.file.path());
    note_places(entity_places, lane.others, l, "entity", lane.file.path());
    row_begin.push_back(row_begin.back() + lane.rows());
    user_begin.push_back(user_begin.back() + static_cast<Index>(lane.users.size()));
    item_begin.push_back(item_begin.back() + static_cast<Index>(lane.items.size()));
  }
}

void Dataset::Contents::open_knowledge_and_features() {
  const Manifest& m = manifest;
  if (m.has_knowledge()) {
    other_names.emplace(folder / kEntitiesName, m.entities - m.items);
    relation_names.emplace(folder / kRelationsName, m.relations);
    knowledge =
        open_knowledge((folder / kKnowledgeName).string(), m.entities, m.relations, m.triples);
  }
  for (const FeatureInfo& f : m.features) {
    const fs::path path = folder / kFeaturesName / feature_file_name(f.name);
    features.push_back(open_features(
        path.string(), {.side = f.side, .rows = m.rows(f.side), .cols = f.cols, .values = {}}));
  }
}

// What only all files together can show.
void Dataset::Contents::check() const {
  // No id is met twice, so equal numbers mean that every id is met.
  expect("rows in the lane files", row_begin.back(), manifest.users + manifest.entities);
  check_interactions();
  const auto files = [&](const char* inner) {
    const fs::path path = folder / inner;
    return fs::exists(path) ? std::distance(fs::directory_iterator(path), fs::directory_iterator())
                            : 0;
  };
  expect("files in lanes/", files(kLanesName), manifest.lanes);
  expect("files in features/", files(kFeaturesName), static_cast<Index>(features.size()));
  const std::string digest = digest_of_files();
  require_user(digest == manifest.digest, Exit::data, kHint, "{}: found digest {}, expected {}",
               folder.string(), digest, manifest.digest);
}

void Dataset::Contents::check_interactions() const {
  std::array<Index, 3> sums{};
  Index transposed = 0;
  for (const DatasetLane& lane : lanes) {
    for (std::size_t s = 0; s < sums.size(); ++s) sums[s] += lane.splits[s].size();
    transposed += lane.users_of_items.size();
  }
  for (std::size_t s = 0; s < sums.size(); ++s) {
    expect(fmt::format("{} interactions", name(static_cast<Split>(s))), sums[s],
           manifest.interactions[s]);
  }
  expect("transposed interactions", transposed, manifest.interactions[0]);
}

// In the order in which they were written.
std::string Dataset::Contents::digest_of_files() const {
  DatasetDigest digest;
  for (int l = 0; l < manifest.lanes; ++l) {
    digest.add_sections(lane_file_name(l), lanes[at(l)].file.sections());
  }
  digest.add_file(kUsersName, digest_of(user_names.bytes()));
  digest.add_file(kItemsName, digest_of(item_names.bytes()));
  if (knowledge) {
    digest.add_file(kEntitiesName, digest_of(other_names->bytes()));
    digest.add_file(kRelationsName, digest_of(relation_names->bytes()));
    digest.add_sections(kKnowledgeName, knowledge->file.sections());
  }
  for (std::size_t f = 0; f < features.size(); ++f) {
    digest.add_sections(feature_file_name(manifest.features[f].name), features[f].sections());
  }
  return digest.hex();
}

Dataset Dataset::open(const fs::path& folder, int threads) {
  auto contents = std::make_shared<Contents>(folder, read_manifest(folder));
  ThreadPool pool(threads);
  contents->open_lanes(pool);
  contents->open_knowledge_and_features();
  contents->check();
  Dataset dataset;
  dataset.contents_ = std::move(contents);
  return dataset;
}

const fs::path& Dataset::folder() const { return contents_->folder; }
Index Dataset::users() const { return contents_->manifest.users; }
Index Dataset::items() const { return contents_->manifest.items; }
Index Dataset::entities() const { return contents_->manifest.entities; }
Index Dataset::relations() const { return contents_->manifest.relations; }
Index Dataset::triples() const { return contents_->manifest.triples; }
Index Dataset::interactions(Split split) const {
  return contents_->manifest.interactions[static_cast<std::size_t>(split)];
}
int Dataset::stored_lanes() const { return contents_->manifest.lanes; }
const std::string& Dataset::digest() const { return contents_->manifest.digest; }

std::span<const std::int32_t> Dataset::items_of(Split split, Index user) const {
  const Place& place = contents_->user(user);
  return contents_->lanes[at(place.lane)].splits[static_cast<std::size_t>(split)][place.index];
}

std::span<const std::int32_t> Dataset::users_of(Index item) const {
  const Place& place = contents_->item(item);
  return contents_->lanes[at(place.lane)].users_of_items[place.index];
}

Facts Dataset::facts_from(Index entity) const { return contents_->facts(entity).from[entity]; }
Facts Dataset::facts_to(Index entity) const { return contents_->facts(entity).to[entity]; }

std::vector<std::string> Dataset::feature_names() const {
  std::vector<std::string> names;
  for (const FeatureInfo& f : contents_->manifest.features) names.push_back(f.name);
  return names;
}

Features Dataset::features(std::string_view name) const {
  const Manifest& m = contents_->manifest;
  for (std::size_t f = 0; f < m.features.size(); ++f) {
    if (m.features[f].name != name) continue;
    const Features::Side side = m.features[f].side;
    return {side, m.rows(side), m.features[f].cols,
            contents_->features[f].get<float>(chorale::name(side))};
  }
  const std::vector<std::string> known = feature_names();
  throw Error(Exit::usage,
              fmt::format("found features \"{}\" asked for, but the data set at {} has {}", name,
                          folder().string(),
                          known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))),
              "add them with: chorale prepare --features NAME=FILE.npy");
}

Index Dataset::row_of_user(Index user) const {
  const Place& place = contents_->user(user);
  return contents_->row_begin[at(place.lane)] + place.index;
}

Index Dataset::row_of_item(Index item) const {
  const Place& place = contents_->item(item);
  const auto users_before = static_cast<Index>(contents_->lanes[at(place.lane)].users.size());
  return contents_->row_begin[at(place.lane)] + users_before + place.index;
}

Index Dataset::row_of_entity(Index entity) const {
  if (entity < items()) return row_of_item(entity);
  const Place& place = contents_->entity(entity);
  const DatasetLane& lane = contents_->lanes[at(place.lane)];
  return contents_->row_begin[at(place.lane)] +
         static_cast<Index>(lane.users.size() + lane.items.size()) + place.index;
}

Index Dataset::row_of_node(Index node) const {
  return is_user(node) ? row_of_user(node) : row_of_entity(node - users());
}

Index Dataset::node_of_row(Index row) const {
  const std::vector<Index>& begin = contents_->row_begin;
  require(row >= 0 && row < begin.back(), "row {} of {}", row, begin.back());
  const auto after = std::upper_bound(begin.begin(), begin.end(), row);
  const auto l = static_cast<std::size_t>(after - begin.begin()) - 1;
  const DatasetLane& lane = contents_->lanes[l];
  auto i = static_cast<std::size_t>(row - begin[l]);
  if (i < lane.users.size()) return lane.users[i];
  i -= lane.users.size();
  return users() + (i < lane.items.size() ? lane.items[i] : lane.others[i - lane.items.size()]);
}

Partition Dataset::node_partition(const Lanes& lanes) const {
  return merged(lanes, contents_->row_begin);
}
Partition Dataset::user_partition(const Lanes& lanes) const {
  return merged(lanes, contents_->user_begin);
}
Partition Dataset::item_partition(const Lanes& lanes) const {
  return merged(lanes, contents_->item_begin);
}

Partition Dataset::merged(const Lanes& lanes, const std::vector<Index>& begin) const {
  require_user(
      lanes.count <= stored_lanes(), Exit::usage,
      fmt::format("use at most {} lanes, or prepare the data set with more: chorale prepare "
                  "--lanes {}",
                  stored_lanes(), lanes.count),
      "found {} lanes asked for, but the data set at {} has {}", lanes.count, folder().string(),
      stored_lanes());
  std::vector<Index> boundaries;
  for (int l = 0; l <= lanes.count; ++l) {
    const Index stored = static_cast<Index>(stored_lanes()) * l / lanes.count;
    boundaries.push_back(begin[at(stored)]);
  }
  return Partition(lanes, std::move(boundaries));
}

std::string Dataset::user_name(Index user) const {
  return std::string(contents_->user_names[user]);
}
std::string Dataset::item_name(Index item) const {
  return std::string(contents_->item_names[item]);
}
std::string Dataset::entity_name(Index entity) const {
  if (entity < items()) return item_name(entity);
  require(entity < entities(), "entity {} of {}", entity, entities());
  return std::string((*contents_->other_names)[entity - items()]);
}
std::string Dataset::relation_name(Index relation) const {
  require(relation >= 0 && relation < relations(), "relation {} of {}", relation, relations());
  return std::string((*contents_->relation_names)[relation]);
}
std::optional<Index> Dataset::find_user(std::string_view raw) const {
  return contents_->user_names.find(raw);
}
std::optional<Index> Dataset::find_item(std::string_view raw) const {
  return contents_->item_names.find(raw);
}

}  // namespace chorale

// Opening a prepared folder: nothing is handed out before every byte has been verified and every id
// is known to lie in range, so the lookups need no further checks than those of their arguments.
#include "graph/io/dataset.h"

#include <algorithm>
#include <array>
#include <utility>

#include "graph/io/dataset_lane.h"
#include "graph/io/manifest.h"
#include "graph/io/names.h"
#include "kernels/check.h"

namespace chorale {
namespace {

namespace fs = std::filesystem;

const char* const kHint = "files of two data sets are mixed up; prepare the data set again";

// Where the lists of a user or an item are.
struct Place {
  std::int32_t lane = -1;
  std::int32_t index = 0;  // among the lane's users, or its items
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

  void open_lanes();
  void check() const;
  const Place& user(Index u) const {
    require(u >= 0 && u < manifest.users, "user {} of {}", u, manifest.users);
    return user_places[at(u)];
  }
  const Place& item(Index i) const {
    require(i >= 0 && i < manifest.items, "item {} of {}", i, manifest.items);
    return item_places[at(i)];
  }

  fs::path folder;
  Manifest manifest;
  Names user_names, item_names;
  std::vector<DatasetLane> lanes;
  std::vector<Index> row_begin{0};  // of each lane, and the number of rows
  std::vector<Place> user_places, item_places;
};

void Dataset::Contents::open_lanes() {
  user_places.resize(at(manifest.users));
  item_places.resize(at(manifest.items));
  for (int l = 0; l < manifest.lanes; ++l) {
    lanes.push_back(open_dataset_lane(folder, l, manifest));
    const DatasetLane& lane = lanes.back();
    note_places(user_places, lane.users, l, "user", lane.file.path());
    note_places(item_places, lane.items, l, "item", lane.file.path());
    row_begin.push_back(row_begin.back() + lane.rows());
  }
}

// What only all files together can show.
void Dataset::Contents::check() const {
  const auto expect = [&](std::string_view what, Index found, Index expected) {
    require_user(found == expected, Exit::data, kHint, "{}: found {} {}, expected {}",
                 (folder / kManifestName).string(), found, what, expected);
  };
  // No id is met twice, so equal numbers mean that every id is met.
  expect("rows in the lane files", row_begin.back(), manifest.users + manifest.items);
  std::array<Index, 3> sums{};
  Index transposed = 0;
  DatasetDigest digest;
  for (int l = 0; l < manifest.lanes; ++l) {
    const DatasetLane& lane = lanes[at(l)];
    for (std::size_t s = 0; s < sums.size(); ++s) sums[s] += lane.splits[s].size();
    transposed += lane.users_of_items.size();
    digest.add_lane(l, lane.file.sections());
  }
  for (std::size_t s = 0; s < sums.size(); ++s) {
    expect(fmt::format("{} interactions", name(static_cast<Split>(s))), sums[s],
           manifest.interactions[s]);
  }
  expect("transposed interactions", transposed, manifest.interactions[0]);
  expect("files in lanes/",
         std::distance(fs::directory_iterator(folder / kLanesName), fs::directory_iterator()),
         manifest.lanes);
  digest.add_file(kUsersName, digest_of(user_names.bytes()));
  digest.add_file(kItemsName, digest_of(item_names.bytes()));
  require_user(digest.hex() == manifest.digest, Exit::data, kHint,
               "{}: found digest {}, expected {}", folder.string(), digest.hex(), manifest.digest);
}

Dataset Dataset::open(const fs::path& folder) {
  auto contents = std::make_shared<Contents>(folder, read_manifest(folder));
  contents->open_lanes();
  contents->check();
  Dataset dataset;
  dataset.contents_ = std::move(contents);
  return dataset;
}

const fs::path& Dataset::folder() const { return contents_->folder; }
Index Dataset::users() const { return contents_->manifest.users; }
Index Dataset::items() const { return contents_->manifest.items; }
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

Index Dataset::row_of_user(Index user) const {
  const Place& place = contents_->user(user);
  return contents_->row_begin[at(place.lane)] + place.index;
}

Index Dataset::row_of_item(Index item) const {
  const Place& place = contents_->item(item);
  const auto users_before = static_cast<Index>(contents_->lanes[at(place.lane)].users.size());
  return contents_->row_begin[at(place.lane)] + users_before + place.index;
}

Index Dataset::node_of_row(Index row) const {
  const std::vector<Index>& begin = contents_->row_begin;
  require(row >= 0 && row < begin.back(), "row {} of {}", row, begin.back());
  const auto after = std::upper_bound(begin.begin(), begin.end(), row);
  const auto l = static_cast<std::size_t>(after - begin.begin()) - 1;
  const DatasetLane& lane = contents_->lanes[l];
  const auto i = static_cast<std::size_t>(row - begin[l]);
  return i < lane.users.size() ? lane.users[i] : users() + lane.items[i - lane.users.size()];
}

Partition Dataset::node_partition(const Lanes& lanes) const {
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
    boundaries.push_back(contents_->row_begin[at(stored)]);
  }
  return Partition(lanes, std::move(boundaries));
}

std::string Dataset::user_name(Index user) const {
  return std::string(contents_->user_names[user]);
}
std::string Dataset::item_name(Index item) const {
  return std::string(contents_->item_names[item]);
}
std::optional<Index> Dataset::find_user(std::string_view raw) const {
  return contents_->user_names.find(raw);
}
std::optional<Index> Dataset::find_item(std::string_view raw) const {
  return contents_->item_names.find(raw);
}

}  // namespace chorale

// One lane of a prepared data set: typed spans into its mapped file, checked so that no id and no
// offset can lead outside.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "graph/io/lane_file.h"
#include "graph/io/manifest.h"

namespace chorale {

// Lists of ids in row order: list i is values[begin[i]] .. values[begin[i + 1]].
struct LaneLists {
  std::span<const Index> begin;
  std::span<const std::int32_t> values;

  Index size() const { return static_cast<Index>(values.size()); }
  std::span<const std::int32_t> operator[](Index i) const {
    const auto first = static_cast<std::size_t>(begin[static_cast<std::size_t>(i)]);
    const auto last = static_cast<std::size_t>(begin[static_cast<std::size_t>(i) + 1]);
    return values.subspan(first, last - first);
  }
};

struct DatasetLane {
  LaneFile file;
  std::span<const Index> users, items, others;  // ids in row order; others: entities, no items
  std::array<LaneLists, 3> splits;              // by Split; of the lane's users
  LaneLists users_of_items;                     // training, of the lane's items

  Index rows() const { return static_cast<Index>(users.size() + items.size() + others.size()); }
};

// Opens and verifies lane number `lane`. Throws Error (Exit::data) naming file and section.
DatasetLane open_dataset_lane(const std::filesystem::path& folder, int lane,
                              const Manifest& manifest);

}  // namespace chorale

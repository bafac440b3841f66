// Writes the files of a prepared folder (graph/io/dataset.h) into an existing, empty folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "graph/io/features.h"
#include "graph/io/interactions.h"
#include "graph/io/lane_order.h"
#include "graph/io/reader.h"

namespace chorale {

// A data set in memory, ready to be written.
struct DatasetContents {
  Splits splits;
  std::vector<std::string> user_names, item_names;
  std::optional<RawKnowledge> knowledge;  // its facts are distinct
  std::vector<FeatureMatrix> features;
  std::optional<IdLists> by_item;  // splits.train by item, where it is there already
  std::optional<LaneOrder> order;  // where it was decided; otherwise lane_order.h finds one

  Index users() const { return static_cast<Index>(user_names.size()); }
  Index items() const { return static_cast<Index>(item_names.size()); }
  Index entities() const {
    return items() + (knowledge ? static_cast<Index>(knowledge->other_names.size()) : 0);
  }
};

// Lane files, id maps, facts and features, synced; returns the digest of all of them. `threads` of
// the host write lanes. Throws Error (Exit::io).
std::string write_dataset_files(const std::filesystem::path& folder,
                                const DatasetContents& contents, int lanes, int threads);

}  // namespace chorale

// Writes the files of a prepared folder (graph/io/dataset.h) into an existing, empty folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/interactions.h"

namespace chorale {

// Deals ids into lanes: by descending weight (ties by id), lanes 0 1 .. n-1 n-1 .. 1 0 0 1 .. and
// so on, so that every lane gets its share of rows and of weight. A lane's ids stand in the order
// in which it got them.
std::vector<std::vector<Index>> deal(const std::vector<Index>& weights, int lanes);

// Lane files and id maps, synced; returns the digest of all of them. Throws Error (Exit::io).
std::string write_dataset_files(const std::filesystem::path& folder, const Splits& splits,
                                const std::vector<std::string>& user_names,
                                const std::vector<std::string>& item_names, int lanes);

}  // namespace chorale

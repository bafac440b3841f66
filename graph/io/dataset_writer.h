// Writes the files of a prepared folder (graph/io/dataset.h) into an existing, empty folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/interactions.h"

namespace chorale {

// Lane files and id maps, synced; returns the digest of all of them. Throws Error (Exit::io).
std::string write_dataset_files(const std::filesystem::path& folder, const Splits& splits,
                                const std::vector<std::string>& user_names,
                                const std::vector<std::string>& item_names, int lanes);

}  // namespace chorale

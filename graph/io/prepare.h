// From source files to a prepared folder (graph/io/dataset.h): read, check, deduplicate, split,
// deal rows into lanes, write. The folder appears complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/features.h"
#include "graph/io/publish.h"
#include "graph/io/reader.h"

namespace chorale {

struct PrepareOptions {
  std::string format = "lightgcn";
  std::filesystem::path source;
  std::filesystem::path out;
  // How to split (split.h); 0 keeps what the source gives.
  double test = 0;        // share of each user's training items to hold out for the test
  double validation = 0;  // share of those that remain
  double cold_items = 0;  // share of the items to take out of training altogether
  std::uint64_t seed = 2024;
  int lanes = 64;
  int threads = 1;     // of the host; same options but for this, same bytes
  bool force = false;  // replace an existing prepared folder
  std::vector<FeatureSource> features{};
};

PrepareReport prepare(const PrepareOptions& options);

}  // namespace chorale

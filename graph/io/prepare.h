// From source files to a prepared folder (graph/io/dataset.h): read, check, deduplicate, split,
// deal rows into lanes, write. The folder appears complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/features.h"
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
  bool force = false;  // replace an existing prepared folder
  std::vector<FeatureSource> features{};
};

struct PrepareReport {
  Index users = 0, items = 0;
  Index entities = 0, relations = 0, triples = 0;  // as Dataset counts them
  Index train = 0, validation = 0, test = 0;
  std::vector<ReportLine> lines;
};

PrepareReport prepare(const PrepareOptions& options);

}  // namespace chorale

// From source files to a prepared folder (graph/io/dataset.h): read, check, deduplicate, carve
// validation, deal rows into lanes, write. The folder appears complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graph/io/reader.h"

namespace chorale {

struct PrepareOptions {
  std::string format = "lightgcn";
  std::filesystem::path source;
  std::filesystem::path out;
  double validation =
      0;  // share of each user's training items to hold out, 0 to keep what is given
  std::uint64_t seed = 2024;  // of the hold-out: a pure function of (seed, user id, item id)
  int lanes = 64;
  bool force = false;  // replace an existing prepared folder
};

struct PrepareReport {
  Index users = 0, items = 0;
  Index train = 0, validation = 0, test = 0;
  std::vector<ReportLine> lines;
};

PrepareReport prepare(const PrepareOptions& options);

}  // namespace chorale

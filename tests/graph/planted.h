// A small data set with communities, written and prepared into a folder of its own.
#pragma once

#include <filesystem>

#include "graph/io/dataset.h"
#include "graph/io/generators.h"
#include "graph/io/manifest.h"
#include "graph/io/prepare.h"
#include "tests/support/temporary_folder.h"

namespace chorale {

// 149 users and 83 items, prepared into so many lanes.
struct Planted {
  TemporaryFolder folder;
  PrepareOptions options;

  explicit Planted(int lanes, double validation = 0.2) {
    options.source = folder / "source";
    options.out = folder / "out";
    options.lanes = lanes;
    options.validation = validation;
    write_planted_communities({.users = 149, .items = 83, .communities = 5, .items_per_user = 11},
                              options.source);
    prepare(options);
  }
  Dataset open() const { return Dataset::open(options.out); }
  std::filesystem::path lane(int l) const { return options.out / "lanes" / lane_file_name(l); }
};

}  // namespace chorale

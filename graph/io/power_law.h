// Synthetic data of any size, written as a prepared folder without a text in between: for measuring
// at scale. Nothing can be learnt from it but popularity.
#pragma once

#include <cstdint>
#include <filesystem>

#include "graph/io/publish.h"

namespace chorale {

// Degrees fall as those of Gowalla: of users like a Pareto variable of exponent 1.6 (there 99 % are
// below 6.8 times the mean, here 6.9), at most 64 times the mean; an item's share of the
// interactions like its rank of popularity to the power -0.6. Ids say nothing about degrees. A lane
// is a run of ids of users and one of items.
struct PowerLawOptions {
  Index users = 100'000;
  Index items = 20'000;
  Index interactions = 2'000'000;  // about as many, those of the test included
  Index test_users = 1000;         // that have a fifth of their items in the test; at most all
  std::uint64_t seed = 1;
  int lanes = 64;
  int threads = 1;     // of the host; same options but for this, same bytes
  bool force = false;  // replace an existing prepared folder
};

// Throws Error. Needs some 10 bytes of memory an interaction and 50 a node.
PrepareReport write_power_law(const PowerLawOptions& options, const std::filesystem::path& out);

}  // namespace chorale

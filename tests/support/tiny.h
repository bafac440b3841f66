// What the contract tests run on: every configuration of configs/tiny, on a small planted data set.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "graph/io/generators.h"
#include "graph/io/prepare.h"
#include "trainer/config/config.h"
#include "trainer/experiment.h"

namespace chorale::test {

// Where configs/ is: the tree that this was built from, or a bundle (launch/bundle.sh).
inline std::filesystem::path source_folder() {
  const char* bundle = std::getenv("CHORALE_SOURCE");
  return bundle == nullptr ? CHORALE_SOURCE_DIR : bundle;
}

inline std::vector<std::filesystem::path> tiny_configs() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(source_folder() / "configs/tiny")) {
    if (entry.path().extension() == ".pbtxt") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

// A prepared data set below `folder`, with facts and features: 12 stored lanes, so that lanes fall
// unevenly on 5 ranks.
inline std::filesystem::path make_tiny_dataset(const std::filesystem::path& folder,
                                               Index users = 211, Index items = 97) {
  const auto source = folder / "source";
  write_planted_communities({.users = users,
                             .items = items,
                             .communities = 6,
                             .items_per_user = 12,
                             .seed = 5,
                             .knowledge = true,
                             .features = 7},
                            source);
  prepare({.format = "kgat",
           .source = source,
           .out = folder / "data",
           .validation = 0.1,
           .lanes = 12,
           .features = {{"image", Features::Side::item, source / "item_features.npy"}}});
  return folder / "data";
}

inline v1::Config tiny_config(const std::filesystem::path& file, const std::filesystem::path& data,
                              std::vector<std::string> assignments = {}) {
  assignments.push_back("data.prepared=" + data.string());
  return load_config(file, assignments);
}

// What a number of training steps leaves behind.
struct Outcome {
  std::string digest;  // of all parameters and optimizer state
  std::vector<double> losses;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

inline Outcome train_steps(Experiment& experiment, Index first, Index last) {
  Outcome outcome;
  for (Index step = first; step < last; ++step) outcome.losses.push_back(experiment.train(step));
  outcome.digest = digest_of_tables(experiment.comm(), experiment.tables()).hex();
  return outcome;
}

}  // namespace chorale::test

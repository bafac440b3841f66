// Synthetic interactions with structure to learn, written in the LightGCN text format.
#pragma once

#include <cstdint>
#include <filesystem>

#include "kernels/view.h"

namespace chorale {

// Users and items belong to communities; a user takes most of its items from its own community,
// popular items more often. Items of a community are spread over all popularity ranks, so
// popularity alone is a weak guide and the community structure a strong one.
struct PlantedOptions {
  Index users = 2000;
  Index items = 1500;
  int communities = 20;
  Index items_per_user = 20;   // mean; at least 4 each
  double own_community = 0.8;  // share of a user's items from its own community
  double test = 0.2;           // share of each user's items that go to test.txt
  std::uint64_t seed = 1;
};

// Writes train.txt, test.txt, user_list.txt and item_list.txt. Same options, same bytes.
void write_planted_communities(const PlantedOptions& options, const std::filesystem::path& folder);

}  // namespace chorale

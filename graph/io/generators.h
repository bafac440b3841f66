// Synthetic data with structure to learn: interactions in the LightGCN text format and, if asked
// for, a knowledge graph in the KGAT format and features of items.
#pragma once

#include <cstdint>
#include <filesystem>

#include "kernels/view.h"

namespace chorale {

// Users and items belong to communities; a user takes most of its items from its own community,
// popular items more often. Items of a community are spread over all popularity ranks, so
// popularity alone is a weak guide and the community structure a strong one.
//
// The knowledge graph tells about the communities: each has a genre, an entity, and makers,
// entities too. An item is of a genre and made by a maker, a maker is active in a genre; a tenth of
// what it says of items is wrong. The features of an item are those of its community and as much
// noise.
struct PlantedOptions {
  Index users = 2000;
  Index items = 1500;
  int communities = 20;
  Index items_per_user = 20;   // mean; at least 4 each
  double own_community = 0.8;  // share of a user's items from its own community
  double test = 0.2;           // share of each user's items that go to test.txt
  std::uint64_t seed = 1;
  bool knowledge = false;  // also kg_final.txt, entity_list.txt and relation_list.txt
  Index features = 0;      // columns of item_features.npy; 0 writes none
};

// Writes train.txt, test.txt, user_list.txt and item_list.txt, and what else was asked for. Same
// options, same bytes.
void write_planted_communities(const PlantedOptions& options, const std::filesystem::path& folder);

}  // namespace chorale

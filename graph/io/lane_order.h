// Which lane each user, item and other entity goes to. Nodes that interact, or share a fact of the
// knowledge graph, should share a lane: then most of what a sparse product reads is near in memory,
// and ranks, which own runs of lanes, exchange less.
//
// Restreamed linear deterministic greedy partitioning (Stanton and Kliot, KDD 2012; Nishimura and
// Ugander, KDD 2013): nodes are visited several times in one fixed order, and each goes to the lane
// where most of its neighbours are, less so the fuller that lane is: 20 times up to 5 million
// neighbours, 3 times from 33 million on. The result depends on the
// lists and the number of lanes only.
#pragma once

#include <vector>

#include "graph/io/interactions.h"

namespace chorale {

// The ids of each lane, each kind by descending degree, ties by id.
struct LaneOrder {
  std::vector<std::vector<Index>> users;
  std::vector<std::vector<Index>> items;
  std::vector<std::vector<Index>> others;  // entities that are no items
};

// Lanes carry nearly equal loads, where a node's load is its degree plus half the mean degree: so
// rows and non-zeros are balanced together. A lane is at most 5 % and one node above the mean load.
// `related`: of each entity, items first, the entities that share a fact with it, both ways; no
// list at all without a knowledge graph.
LaneOrder order_into_lanes(const IdLists& items_of_user, const IdLists& users_of_item,
                           const IdLists& related, int lanes);

}  // namespace chorale

// The graph that benches multiply by: a symmetric user-item adjacency whose degrees fall like a
// power of the rank, with node numbers shuffled within users and within items.
#pragma once

#include <vector>

#include "kernels/view.h"

namespace chorale {

struct Graph {
  std::vector<Index> begin;
  std::vector<LocalIndex> columns;  // ascending within a row
  std::vector<Real> values;
};

// Users are nodes 0 .. users-1, items follow; every edge stands in two rows.
Graph power_law(Index users, Index items, Index edges);

}  // namespace chorale

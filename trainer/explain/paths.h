// Why an item was recommended: the heaviest paths from the user to the item through a graph whose
// edges have weights.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/collaborative.h"

namespace chorale {

// From the user on; its weight is the product of its edges' weights.
struct Path {
  double weight;
  std::vector<OutEdges::Edge> edges;
};

// The `count` heaviest paths of at most `hops` edges (1 to 4) from a node to another that visit no
// node twice, heaviest first; of equal ones the shorter, then the one of smaller nodes and
// relations.
//   weights: of all collaborative edges, in the order of the rows of `nodes`
std::vector<Path> heaviest_paths(const Dataset& dataset, const Partition& nodes,
                                 std::span<const Real> weights, Index from, Index to, int hops,
                                 std::size_t count);

// "user-00042 -interacts-> item-00007 -made_by-> maker-3 <-made_by- item-00012": an arrow to the
// left is a fact read backwards.
std::string to_text(const Dataset& dataset, Index from, const Path& path);

}  // namespace chorale

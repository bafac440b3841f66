// The user-item graph with some of it dropped, anew each epoch, in several views at once; what is
// left is normalised by its own degrees.
//
// What is dropped is a function of (seed, epoch, view, user id and item id, or node): the two
// directions of an edge agree, and ranks need not talk.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/dist_csr.h"
#include "graph/io/dataset.h"

namespace chorale {

enum class Dropped {
  edges,  // each edge with probability `rate`
  nodes,  // each user and each item with probability `rate`, with all of its edges
};

class DroppedGraph {
 public:
  struct Options {
    Dropped what = Dropped::edges;
    double rate = 0.1;  // in [0, 1)
    std::uint64_t seed = 0;
    int views = 2;
  };

  // Over `nodes`, like bipartite_adjacency; all values are 0 until the first `redraw`. Collective.
  DroppedGraph(Device& device, Communicator& comm, const Dataset& dataset, const Partition& nodes,
               const Options& options);

  // Drops anew: an edge that is left weighs 1 / sqrt(d d'), d and d' being the degrees that its
  // ends have left; one that is dropped weighs 0. Scratch from `arena`, given back. Collective.
  void redraw(Arena& arena, Index epoch);

  const DistCsr& view(int v) const { return views_[static_cast<std::size_t>(v)]; }

 private:
  Dataset dataset_;
  Options options_;
  std::vector<Index> nodes_of_rows_;  // of this rank
  std::vector<std::int32_t>
      others_;  // node at the other end of each entry, in the order of the CSR
  std::vector<DistCsr> views_;
};

}  // namespace chorale

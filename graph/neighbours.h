// The nearest rows of a feature matrix by cosine, exact: every pair is scored, in blocks.
#pragma once

#include <span>
#include <vector>

#include "comm/communicator.h"
#include "graph/io/features.h"
#include "graph/partition.h"
#include "kernels/device.h"

namespace chorale {

// The neighbours of every row of a partition, best first.
struct NeighbourLists {
  Index k = 0;
  std::vector<LocalIndex> rows;  // (n, k); -1 where a row has fewer than k

  Index size() const { return k == 0 ? 0 : static_cast<Index>(rows.size()) / k; }
  std::span<const LocalIndex> of(Index row) const;  // without the unfilled places
};

// For every row the k rows of largest cosine, itself among the candidates; equal cosines by
// ascending id. Only cosines above zero count. A row of zeros has no direction, so no neighbours
// but itself: its list is never empty. ids[r] is the id of row r, for all rows of `part`.
//
// A rank scores the rows it owns against all; memory is bounded by two blocks of rows, and the
// lists (the same on every rank) are n k numbers. The lists decide the size of the graph that is
// made of them: on a device that only plans, memory is counted and the search is then made on a
// CPU, or, if that must be quick, left out: lists are full then, and no two rows share more than
// one place. Collective. Throws Error (Exit::data) if a feature is not finite.
NeighbourLists cosine_neighbours(Device& device, Communicator& comm, const Partition& part,
                                 std::span<const Index> ids, const Features& features, Index k);

}  // namespace chorale

// Sums over all lanes of all ranks, up one fixed binary tree, so that the bits do not depend on the
// number of ranks. The tree over lanes [a, b) splits at a + (b - a + 1) / 2. A rank reduces the
// largest subtrees that its own lanes fill and sends only their roots: about one partial sum a
// rank.
#pragma once

#include <span>
#include <vector>

#include "comm/communicator.h"
#include "comm/lanes.h"
#include "kernels/arena.h"

namespace chorale {

// A subtree: lanes [first, last).
struct LaneRange {
  int first;
  int last;
};

// The roots of the largest subtrees of the tree over `count` lanes that lie inside [first, last),
// ascending.
std::vector<LaneRange> lane_roots(int count, int first, int last);

// total = sum over lanes of partials[l], element by element; the same bits on every rank.
// Up the tree in every mode: in `lanes: 0` the tree over one lane a rank.
//   partials:(local lanes * n), lane-major   total:(n)     host memory. Collective.
void lane_sum(Communicator& host, const Lanes& lanes, std::span<const double> partials,
              std::span<double> total);

// The same for device memory: the value of a gradient whose contributions were kept lane by lane.
// In `lanes: 0` by the communicator's all_reduce_sum.
//   partials:(local lanes, n), overwritten   total:(1, n)  scratch from `arena`. Collective.
void lane_sum(Communicator& comm, const Lanes& lanes, Arena& arena, View partials, View total);

}  // namespace chorale

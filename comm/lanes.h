// Lanes: the fixed pieces that make results independent of the number of ranks.
//
// Everything that has rows (nodes, a batch) is cut into the same number of lanes, whatever the
// number of ranks; rank r of P owns lanes [count r / P, count (r + 1) / P). A sum over rows is
// taken inside each lane first and then up one fixed binary tree over lanes, so its bits do not
// know about ranks.
//
// Example: 8 lanes on 3 ranks: rank 0 owns 0 1, rank 1 owns 2 3 4, rank 2 owns 5 6 7. The tree over
// 8 lanes is ((0 1)(2 3))((4 5)(6 7)). Rank 1 can finish (2 3) by itself and must hand over {(2 3),
// 4}; rank 2 hands over {5, (6 7)}; rank 0 hands over {(0 1)}. From these five partial sums
// everybody finishes the tree.
#pragma once

#include <vector>

#include "kernels/check.h"
#include "kernels/view.h"

namespace chorale {

struct Lanes {
  int count = 1;
  int ranks = 1;
  int rank = 0;
  // `lanes: 0`: one lane a rank, sums by the vendor's all-reduce; the bits then depend on the rank
  // count.
  bool vendor_sums = false;

  int first(int r) const { return static_cast<int>(static_cast<Index>(count) * r / ranks); }
  int begin() const { return first(rank); }
  int end() const { return first(rank + 1); }
  int local() const { return end() - begin(); }
  int owner(int lane) const {
    int r = static_cast<int>(static_cast<Index>(lane) * ranks / count);
    while (first(r + 1) <= lane) ++r;
    while (first(r) > lane) --r;
    return r;
  }
};

// `run.lanes` lanes for this rank of so many; 0 asks for one lane a rank. Throws Error
// (Exit::usage) if there are fewer lanes than ranks.
inline Lanes make_lanes(int lanes, int ranks, int rank) {
  if (lanes == 0) return {ranks, ranks, rank, true};
  require_user(lanes >= ranks, Exit::usage, "use at least one lane per rank, or fewer ranks",
               "run.lanes is {} but there are {} ranks", lanes, ranks);
  return {lanes, ranks, rank, false};
}

}  // namespace chorale

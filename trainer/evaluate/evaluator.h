// Full ranking of all items for every user. Users stay with the rank that owns their rows; the item
// rows pass by in blocks, broadcast by their owner (ranker.h). A score is a fixed chain of fused
// multiply-adds, ties are broken by item id and per-user metrics are summed over lanes
// (comm/lane_sum.h), so lists and metrics are the same bits for any ranks, block sizes and threads.
#pragma once

#include <span>
#include <vector>

#include "comm/communicator.h"
#include "graph/io/dataset.h"
#include "graph/partition.h"
#include "kernels/device.h"
#include "trainer/evaluate/metrics.h"
#include "trainer/evaluate/ranker.h"

namespace chorale {

struct EvaluatorOptions {
  std::vector<Index> ks = {20};
  Index users_per_block = 1024;  // how many users are scored at a time
};

// A ranked list: best first; fewer than k if fewer items can be ranked.
struct Recommendation {
  Index item;  // id
  Real score;
};

class Evaluator {
 public:
  Evaluator(Device& device, Communicator& comm, const Dataset& dataset, const Partition& nodes,
            EvaluatorOptions options);

  // Metrics of a split (validation or test). Candidates: all items but the user's training items.
  //   vectors:(local rows, d) rows over `nodes`; score = dot product. Collective.
  // Throws Error (Exit::non_finite) if a score is NaN, Error (Exit::data) if the split is empty.
  Evaluation evaluate(ConstView vectors, Split split);

  // Takes the device memory of evaluate(vectors, split) with so many columns, at most, and gives it
  // back.
  void plan(Index cols, Split split) const;

  // The k best items of each of these users (ids, the same list on all ranks), training items left
  // out if `exclude_seen`; returned on every rank. Collective. Throws Error (Exit::non_finite) if a
  // score is NaN.
  std::vector<std::vector<Recommendation>> recommend(ConstView vectors,
                                                     std::span<const Index> users, Index k,
                                                     bool exclude_seen);

 private:
  Communicator& comm_;
  Dataset dataset_;
  Partition nodes_;
  EvaluatorOptions options_;
  Ranker ranker_;
};

}  // namespace chorale

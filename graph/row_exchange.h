// Pulling rows from their owners and pushing sums back: halos of graphs and lookups of batches
// alike.
//
// `wanted` are global rows in any order, repeats allowed. `pull` gives y[i] = x[wanted[i]];
// `push_add` is its transpose, x[wanted[i]] += y[i]. An owned row receives its contributions in
// ascending order of (requesting rank, position in that rank's `wanted`). When ranks hold
// contiguous runs of one global list, as they do for a batch, that is the order of the global list,
// so the sum does not depend on the ranks.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "comm/communicator.h"
#include "graph/partition.h"
#include "kernels/arena.h"
#include "kernels/array.h"

namespace chorale {

// Tells where the matrix that is pulled from holds some of this rank's rows, in place of their
// numbers, and returns how many rows that matrix has: for matrices that hold some rows only.
using PlaceRows = std::function<Index(std::span<LocalIndex> rows)>;

class RowExchange {
 public:
  // Its index arrays are its own: for halos, which outlive steps.
  // Collective. Throws Error if a wanted row is outside [0, partition.rows()).
  RowExchange(Device& device, Communicator& comm, const Partition& partition,
              std::span<const Index> wanted);
  // The same with index arrays from `arena`, valid until its reset: for the lookups of one step.
  // With `place`, local rows below are the rows that it tells.
  RowExchange(Arena& arena, Communicator& comm, const Partition& partition,
              std::span<const Index> wanted, const PlaceRows& place = {});

  Index wanted() const { return wanted_; }  // rows this rank asked for
  Index served() const { return served_; }  // rows this rank is asked for, its own included
  bool is_local() const { return comm_->size() == 1; }

  // y[i] = x[wanted[i]].  x:(local rows, d) y:(wanted, d). Scratch from `arena`, given back.
  // Collective.
  void pull(Arena& arena, ConstView x, View y) const;
  // The same in bf16, of a list in the order of owners, as a halo's is; y's rows stand one stride
  // of x apart. Collective.
  void pull(Arena& arena, ConstBf16View x, Bf16View y) const;
  // x[wanted[i]] += y[i], in the order above. Collective.
  void push_add(Arena& arena, ConstView y, View x) const;
  // The same sums as a row-sparse gradient: sums[s] belongs to local row touched()[s]. Collective.
  void push(Arena& arena, ConstView y, View sums) const;
  Rows touched() const { return segments_.rows; }  // distinct local rows asked for, ascending
  // The same in host memory; only kept for the lookups of one step.
  std::span<const LocalIndex> host_touched() const { return host_touched_; }
  // Of a lookup of one step: the same rows of a matrix that holds, of this rank's rows, only those
  // in `held`: local, ascending, all of touched() among them.
  RowExchange within(Arena& arena, std::span<const LocalIndex> held) const;

 private:
  // Routes the ids to their owners: fills the counts, and `ids` with served rows and permutations.
  void route(const Partition& partition, std::span<const Index> wanted,
             std::vector<LocalIndex>& ids);
  // Fills everything; `arena` is null when the arrays are this object's own.
  void build(Arena* arena, const Partition& partition, std::span<const Index> wanted,
             const PlaceRows& place);
  RowExchange(const RowExchange& other, Arena& arena, std::span<const LocalIndex> held);
  // From the served rows at the front of `ids`: which arrivals are summed into which row.
  void build_segments(Arena* arena, Index local_rows, std::vector<LocalIndex>& ids);
  // What the requesters sent, (served, d), by requester, in the requester's order; from `arena`.
  View collect(Arena& arena, ConstView y) const;
  // x_rows += the collected sums.
  void add_collected(Arena& arena, ConstView y, const Segments& segments, View x) const;

  Device* device_;
  Communicator* comm_;
  Index wanted_ = 0;
  Index served_ = 0;
  bool is_grouped_ = true;       // `wanted` stands in order of owners already: no permutation
  std::vector<Index> asked_of_;  // rows this rank wants from each rank
  std::vector<Index> asked_by_;  // rows each rank wants from this one
  Array<LocalIndex> own_ids_;    // empty when the memory is an arena's
  Array<Index> own_begin_;
  // Parts of one block of ids.
  Rows send_rows_;     // (served) local rows, by requester, in the requester's order
  Rows arrival_;       // (wanted) place of wanted[i] among the arrivals, grouped by owner
  Rows departure_;     // (wanted) inverse of arrival_
  Rows counting_;      // (touched) 0, 1, 2, ...
  Segments segments_;  // over the served rows
  // Host copies of the lookups of one step: of the rows and, as in segments_, begin and order.
  std::vector<LocalIndex> host_ids_;
  std::vector<Index> host_begin_;
  std::span<const LocalIndex> host_touched_, host_order_;  // parts of host_ids_
};

}  // namespace chorale

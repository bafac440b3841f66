// The gradient of one table for one step, in the form the step made it: dense, row-sparse, or one
// stack of lane contributions (replicated tables). Memory comes from the step's arena and dies with
// the step.
//
// Sums into a row: dense contributions in the order the tape made them, then row-sparse parts in
// the order they were added. Lane stacks are summed up the tree of comm/lane_sum.h.
#pragma once

#include <span>
#include <vector>

#include "comm/communicator.h"
#include "comm/lanes.h"
#include "kernels/arena.h"
#include "kernels/view.h"

namespace chorale {

// values[i] belongs to local row rows[i]; rows ascending and distinct.
struct SparsePart {
  Rows rows;
  View values;
  // The same rows in host memory, so that merging parts need not wait for the device. Both live as
  // long as the step.
  std::span<const LocalIndex> host_rows;
};

class Gradient {
 public:
  // Forgets the last step; nothing is zero, there is simply no gradient yet.
  void clear();
  bool is_empty() const {
    return dense_.data == nullptr && parts_.empty() && stack_.data == nullptr;
  }

  // The dense gradient (rows, cols), zero when first asked for in a step.
  View dense(Arena& arena, Index rows, Index cols);
  bool is_dense() const { return dense_.data != nullptr; }  // whether there is one
  // The first dense contribution, in memory that is then the gradient's.
  void begin_dense(View sum) { dense_ = sum; }
  // A row-sparse contribution; the memory must live as long as the step.
  void add(const SparsePart& part) { parts_.push_back(part); }
  // What each local lane contributes to a replicated table of so many numbers, zero when first
  // asked for in a step.
  View lanes(Arena& arena, int local_lanes, Index size);

  // Everything as one dense (rows, cols) gradient; a lane stack is summed over all ranks.
  // Collective for replicated tables.
  ConstView reduce_dense(Arena& arena, Communicator& comm, const Lanes& lanes, Index rows,
                         Index cols);
  // True if the gradient is row-sparse only, so that untouched rows need not be visited.
  bool is_sparse() const {
    return dense_.data == nullptr && stack_.data == nullptr && !parts_.empty();
  }
  // All parts merged into one: rows ascending and distinct. Valid until `clear` or the next call.
  SparsePart reduce_sparse(Arena& arena, Index cols);

 private:
  View dense_;
  View stack_;  // (local lanes, rows * cols)
  std::vector<SparsePart> parts_;
  std::vector<LocalIndex> merged_;  // rows of the parts together, host
};

}  // namespace chorale

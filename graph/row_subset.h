// Some rows of a partitioned matrix as a matrix of their own: the users among the nodes. A rank
// holds the chosen ones of its rows, lane by lane, so going back and forth is a copy within the
// rank.
#pragma once

#include <functional>
#include <vector>

#include "graph/partition.h"
#include "kernels/array.h"

namespace chorale {

class RowSubset {
 public:
  // The rows of `whole` for which `chosen(global row)` holds; `part` says how many each lane has.
  // Throws Error if this rank finds another number than that.
  RowSubset(Device& device, const Partition& whole, const Partition& part,
            const std::function<bool(Index)>& chosen);

  const Partition& whole() const { return whole_; }
  const Partition& part() const { return part_; }  // of the chosen rows, in their order
  Rows rows() const { return rows_.span(); }       // this rank's, as local rows of the whole
  const std::vector<LocalIndex>& host_rows() const { return host_rows_; }  // the same, host
  std::vector<Index> global_rows() const;  // the same, as rows of the whole over all ranks
  // For Kernels::add_segments: row i of the subset goes to row rows()[i] of the whole.
  Segments segments() const { return {rows(), begin_.data(), order_.data(), order_.size()}; }

 private:
  Partition whole_;
  Partition part_;
  std::vector<LocalIndex> host_rows_;
  Array<LocalIndex> rows_;
  Array<LocalIndex> order_;  // 0, 1, 2, ...
  Array<Index> begin_;       // 0, 1, 2, ..., one more
};

}  // namespace chorale

// Who owns which rows. Rows are cut into lanes (comm/lanes.h), a rank owns a run of lanes, and so
// every rank owns one contiguous range of rows.
//
// Worked example: 10 rows, 4 lanes, 2 ranks. Lane boundaries 0 2 5 7 10: lane 0 holds rows 0-1,
// lane 1 rows 2-4, lane 2 rows 5-6, lane 3 rows 7-9. Rank 0 owns lanes 0 and 1, rows 0-4; rank 1
// owns lanes 2 and 3, rows 5-9. On rank 1: first() = 5, last() = 10, local_rows() = 5,
// lane_offsets() = {0, 2, 5}, owner(3) = 0, owner(7) = 1.
#pragma once

#include <vector>

#include "comm/lanes.h"
#include "kernels/view.h"

namespace chorale {

// How the ranks hold a value, and hence its gradient (the dual layout):
//   rows        rank r holds the rows it owns           gradient: rows
//   chosen      rank r holds some of the rows it owns   gradient: chosen
//   replicated  every rank holds all of it              gradient: partial
//   partial     the truth is the sum over lanes         gradient: replicated
enum class Layout { rows, chosen, replicated, partial };

class Partition {
 public:
  Partition() = default;
  // boundaries: lanes.count + 1 ascending row numbers, from 0 to the number of rows.
  Partition(const Lanes& lanes, std::vector<Index> boundaries);
  // Lanes of nearly equal size: lane l is rows [rows l / count, rows (l + 1) / count).
  static Partition uniform(Index rows, const Lanes& lanes);

  Index rows() const { return boundaries_.back(); }
  const Lanes& lanes() const { return lanes_; }
  Index lane_begin(int lane) const { return boundaries_[static_cast<std::size_t>(lane)]; }
  Index first(int rank) const { return lane_begin(lanes_.first(rank)); }
  Index first() const { return first(lanes_.rank); }
  Index last() const { return first(lanes_.rank + 1); }
  Index local_rows() const { return last() - first(); }
  int owner(Index row) const;  // by binary search over ranks
  bool owns(Index row) const { return first() <= row && row < last(); }
  int lane_of(Index row) const;
  // This rank's lane boundaries relative to its first row: lanes().local() + 1 numbers from 0.
  LaneOffsets lane_offsets() const { return local_offsets_; }

  friend bool operator==(const Partition& a, const Partition& b) {
    return a.boundaries_ == b.boundaries_ && a.lanes_.ranks == b.lanes_.ranks;
  }

 private:
  Lanes lanes_;
  std::vector<Index> boundaries_{0, 0};
  std::vector<Index> local_offsets_{0, 0};
};

}  // namespace chorale

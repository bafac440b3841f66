// A handle on a value of the tape. Copy it freely; it is valid until Tape::reset.
#pragma once

#include <vector>

#include "graph/partition.h"
#include "kernels/view.h"

namespace chorale {

class Tape;
class Table;

// Local rows, ascending: in host memory and in that of the device.
struct ChosenRows {
  std::vector<LocalIndex> host;
  Rows rows;
  std::vector<Index> lanes;  // boundaries of this rank's lanes in the list
};

struct Var {
  Tape* tape = nullptr;
  int id = -1;

  Index rows() const {
    return value().rows;
  }  // that this rank holds; of a partial scalar: its lanes
  Index cols() const { return value().cols; }
  Layout layout() const;
  bool has_rows() const;             // rows or chosen
  bool has_rows_of(Var x) const;     // the same ones
  LaneOffsets lane_offsets() const;  // of the rows it has
  const Partition& part() const;     // how its rows, or those it was chosen from, are dealt; of
                                     // others: lanes only
  ConstView value() const;
  View out() const;         // the value, to be written by the op that made it
  bool wants_grad() const;  // false: nothing learnable stands behind it, its adjoint may be skipped
  View grad() const;        // zero when first asked for; of a partial scalar: (1, 1)
  bool has_grad() const;    // whether it was asked for, or begun
  // Its gradient so far, in memory of the tape's arena, which is given away. Only if it has none.
  void begin_grad(View sum) const;
  // Its gradient grows by `sum`, or begins with it; the memory is given away as above.
  void add_grad(View sum) const;
  View lane_grads() const;  // of a replicated leaf, of each lane of this rank: (lanes, rows cols)
  Table* leaf() const;      // the table it shows, or null
  // Of a `chosen` value: which of this rank's rows of part() it holds, one row each.
  const ChosenRows& chosen() const;
};

}  // namespace chorale

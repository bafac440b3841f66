// Where the rows of a sparse matrix come from, and how a rank's arrays are made of them: counted
// first, then filled a block of rows at a time, so that the host holds little beside what the
// device is given.
#pragma once

#include <span>
#include <vector>

#include "graph/partition.h"
#include "kernels/array.h"

namespace chorale {

// One non-zero: global row and column.
struct Triplet {
  Index row;
  Index column;
  Real value;
};

// The rows of one rank. Several threads ask at once, and for a row more than once.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual Index entries(Index row) const = 0;  // of a global row of this rank
  // All entries of the row in ascending global column, those of equal column in the order of their
  // sum.   columns, values: (entries(row))
  virtual void fill(Index row, std::span<Index> columns, std::span<Real> values) const = 0;
};

// From triplets of the rank's rows in any order.
class TripletRows final : public RowSource {
 public:
  TripletRows(const Partition& rows, const std::vector<Triplet>& triplets);
  Index entries(Index row) const override;
  void fill(Index row, std::span<Index> columns, std::span<Real> values) const override;

 private:
  Index first_;
  std::vector<Index> begin_;
  std::vector<std::pair<Index, Real>> entries_;  // (global column, value), sorted
};

// A rank's rows in device memory, as CsrView has them.
struct CsrArrays {
  Index nonzeros = 0;
  Array<Index> row_begin;
  Array<LocalIndex> columns;
  Array<Real> values;
  Array<Index> long_row_list;
  LongRows long_rows;         // in the list
  std::vector<Index> ghosts;  // global columns that other ranks own, ascending; host
};

// Rows and columns are dealt by the two partitions; `threads` of the host work on it, and the
// result does not depend on them. Throws Error if a column is outside its range, or if a rank's own
// columns and ghosts are more than a LocalIndex can name. For a plan (kernels/plan_device.h) rows
// are counted and ghosts found, but no row is filled for the device.
CsrArrays make_csr(Device& device, const Partition& rows, const Partition& columns,
                   const RowSource& source, int threads);

}  // namespace chorale

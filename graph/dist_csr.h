// A sparse matrix over partitioned rows. Every rank holds the rows it owns, the ghost rows it needs
// of an operand (its halo) and, for the adjoint, the transpose stored as a matrix of its own.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/csr_rows.h"
#include "graph/partition.h"
#include "graph/row_exchange.h"
#include "kernels/array.h"

namespace chorale {

// `assignable` matrices take new values for their pattern; others do not pay for it.
enum class EdgeValues { fixed, assignable };

class DistCsr {
 public:
  // From the entries of this rank's rows, in any order; entries of equal position stay separate and
  // are summed in the order given. Columns are partitioned by `columns`. `symmetric` promises A =
  // A^T and saves the second copy. Throws Error if an entry lies outside this rank's rows or the
  // columns. Collective.
  DistCsr(Device& device, Communicator& comm, const Partition& rows, const Partition& columns,
          std::vector<Triplet> entries, bool symmetric, EdgeValues values = EdgeValues::fixed);
  // A square matrix from its rows and those of its transpose; null: A = A^T, and there is no second
  // copy. `threads` of the host read them. Collective.
  DistCsr(Device& device, Communicator& comm, const Partition& nodes, const RowSource& rows,
          const RowSource* transposed, int threads);
  DistCsr(DistCsr&& other) noexcept;

  const Partition& row_partition() const { return rows_; }
  const Partition& column_partition() const { return columns_; }
  CsrView view() const;
  Index nonzeros() const { return nonzeros_; }  // of this rank
  const RowExchange& halo() const { return *halo_; }
  Index ghosts() const { return halo_->wanted(); }
  // Transposed twice is the matrix itself.
  const DistCsr& transposed() const { return *transposed_; }

  // y = A x, or y += A x.   x:(local columns,d)  y:(local rows,d). The halo is scratch from
  // `arena`, given back. Collective.
  void multiply(Arena& arena, ConstView x, View y) const;
  void multiply_add(Arena& arena, ConstView x, View y) const;
  // y_r = (A x)_r for the local rows r that are listed, ascending. Collective.
  void multiply_rows(Arena& arena, Rows rows, ConstView x, View y) const;
  // The product, whose ghosts and their marks are brought: they travel in bf16 too, rounded by
  // their owner. Collective.
  void multiply_bf16(Arena& arena, Bf16Product product) const;
  // y = A x where rows of x with mark 0 are zeros.   marks:(local columns,1), 0 or 1. Collective.
  void multiply_marked(Arena& arena, ConstView marks, ConstView x, View y) const;

  // Of an assignable matrix: its entries as rows, in the order of the CSR, dealt as its rows are.
  const Partition& edge_partition() const { return edges_; }
  ConstView edge_values() const { return {values_.data(), nonzeros_, 1}; }
  // New values, carried to the stored transpose; a symmetric matrix must stay symmetric.
  //   edge_values:(nonzeros(), 1) over the edge partition. Scratch from `arena`, given back.
  // Collective. Throws Error if the matrix is not assignable.
  void assign(Arena& arena, ConstView edge_values);

 private:
  struct TransposeOf {
    const DistCsr* matrix;
  };

 public:
  // For the constructors above only: the transpose of a matrix, which it refers to, to be built
  // yet.
  DistCsr(const Partition& rows, const Partition& columns, TransposeOf original);

 private:
  void build(Device& device, Communicator& comm, const RowSource& source, int threads);
  void own_transpose(Device& device, Communicator& comm, const RowSource& source, int threads);
  View values() const { return {values_.data(), nonzeros_, 1}; }

  Partition rows_;
  Partition columns_;
  Index nonzeros_ = 0;
  Array<Index> row_begin_;
  Array<LocalIndex> local_columns_;
  Array<Real> values_;
  Array<Index> long_row_list_;
  LongRows long_rows_;                        // in the list
  std::unique_ptr<RowExchange> halo_;         // over the column partition: the ghosts, ascending
  std::unique_ptr<DistCsr> owned_transpose_;  // null if symmetric, and in a transpose
  const DistCsr* transposed_;                 // itself, its own transpose, or what it transposes
  bool is_assignable_ = false;
  Partition edges_;
  std::unique_ptr<RowExchange> to_transpose_;  // over the edges: those of the transpose's entries
};

}  // namespace chorale

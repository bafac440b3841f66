// Clique expansions of hypergraphs: two nodes are joined by as many edges as they share hyperedges,
// C = H H^T with H:(nodes, hyperedges) of zeros and ones, normalised to an operator P.
//
// H H^T has many times the entries of H, so the operator keeps either the expansion or the factors:
// the same numbers up to rounding, and on any ranks the same bits.
//
// Worked example: users a, b, c; item x was bought by a and b, item y by a, b and c. C without its
// diagonal is a-b 2, a-c 1, b-c 1; P = D^-1 C has rows (0, 2/3, 1/3), (2/3, 0, 1/3), (1/2, 1/2, 0).
// One product reads 6 entries of the expansion or 5 of D^-1 H, 5 of H^T and 3 of the diagonal.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "graph/dist_csr.h"
#include "graph/neighbours.h"
#include "kernels/array.h"

namespace chorale {

// Which node is in which hyperedges, of all nodes, on every rank: node i in
// edges[begin[i]] .. edges[begin[i+1]], distinct. Rows of the partitions of nodes and hyperedges.
struct Incidence {
  std::vector<Index> begin{0};    // (nodes + 1)
  std::vector<LocalIndex> edges;  // (begin[nodes])
};

// D holds the row sums of C, its diagonal included if it is kept. A node of degree 0 has no row.
enum class CliqueKind {
  rw_without_diagonal,  // D^-1 (H H^T - diagonal)
  sym_with_diagonal,    // D^-1/2 H H^T D^-1/2
};

enum class CliqueForm { fewer_entries, expanded, factored };

class CliqueOperator {
 public:
  // Collective. Throws Error if the incidence does not fit the partitions.
  CliqueOperator(Device& device, Communicator& comm, const Partition& nodes,
                 const Partition& hyperedges, const Incidence& h, CliqueKind kind,
                 CliqueForm form = CliqueForm::fewer_entries);

  const Partition& partition() const { return nodes_; }
  bool is_expanded() const { return expanded_ != nullptr; }
  Index entries() const { return entries_; }  // read by one product, over all ranks

  // y = P x.   x, y:(local nodes,d); scratch from `arena`, given back. Collective.
  void multiply(Arena& arena, ConstView x, View y) const;
  // dx += P^T dy. Collective.
  void multiply_transposed_add(Arena& arena, ConstView dy, View dx) const;

 private:
  // What the factored form subtracts: a matrix of one entry a row, in its column.
  struct Diagonal {
    Array<Index> begin;
    Array<LocalIndex> columns;
    Array<Real> values;
    CsrView view() const;
  };

  void factorize(Device& device, Communicator& comm, const Partition& hyperedges,
                 const Incidence& h, CliqueKind kind, std::span<const Index> degrees);
  // H, as the right factor has it: of sym kind both factors are scaled alike.
  const DistCsr& incidence() const { return plain_ ? *plain_ : *left_; }

  Partition nodes_;
  Index entries_ = 0;
  std::unique_ptr<DistCsr> expanded_;
  // P = left incidence()^T - diagonal: of rw kind left is D^-1 H and `plain_` is H, of sym kind
  // left is D^-1/2 H and there is neither `plain_` nor a diagonal.
  std::unique_ptr<DistCsr> left_, plain_;
  Diagonal diagonal_;
};

// P_u: users who bought the same items.   H = R, rw_without_diagonal.
//   items_of: of every user row, the item rows, over `users` and `items`
CliqueOperator co_interactions(Device& device, Communicator& comm, const Partition& users,
                               const Partition& items, const Incidence& items_of,
                               CliqueForm form = CliqueForm::fewer_entries);

// P_i: items that name the same neighbours, in any modality. A hyperedge is a pair (item j,
// modality m) and holds every item that has j in its list of m. sym_with_diagonal.
CliqueOperator shared_neighbours(Device& device, Communicator& comm, const Partition& items,
                                 std::span<const NeighbourLists> modalities,
                                 CliqueForm form = CliqueForm::fewer_entries);

}  // namespace chorale

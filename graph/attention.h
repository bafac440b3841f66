// Attention over the edges of the collaborative knowledge graph: what each edge (h, r, t) weighs,
//   softmax over the edges of h of  (t W_r) . tanh(h W_r + e_r)
// It is a constant of the next epoch: no gradient.          Wang et al., "KGAT", KDD 2019, eq. 4-5
#pragma once

#include <span>
#include <vector>

#include "graph/collaborative.h"
#include "kernels/array.h"

namespace chorale {

class Attention {
 public:
  // `matrix`: that of knowledge_matrix, to outlive this; `edges`: those it was built from, read
  // now; `relations`: how the rows of the relations' tables are dealt, one row a relation.
  // Collective. Throws Error if they do not fit.
  Attention(Device& device, Communicator& comm, const DistCsr& matrix,
            std::span<const KnowledgeEdge> edges, const Partition& relations);

  // Relation by relation, each distinct head and tail projected once: scratch from `arena` is
  // bounded by the vectors of the largest relation. The same bits on any ranks. Collective.
  //   nodes:(local nodes,d)  vectors:(local relations,k)  matrices:(local relations,d k), row-major
  //   weights:(local edges,1), in the order of the edges: for DistCsr::assign
  void compute(Arena& arena, ConstView nodes, ConstView vectors, ConstView matrices,
               View weights) const;

 private:
  // One relation's edges, as counts; its lists stand in `ids_` in the order of the fields.
  struct OfRelation {
    Index relation;
    Index heads, own_tails, ghost_tails;  // distinct
    Index edges;                          // then first, second and place of each pair
  };

  void score(Arena& arena, ConstView nodes, ConstView ghosts, ConstView vectors, ConstView matrices,
             View scores) const;

  const DistCsr* matrix_;
  RowExchange all_relations_;
  std::vector<OfRelation> relations_;  // those with edges on this rank, ascending
  Array<LocalIndex> ids_;
};

}  // namespace chorale

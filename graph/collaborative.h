// The collaborative knowledge graph: interactions and facts as one graph over users and entities,
// every edge in both directions and with a relation.           Wang et al., "KGAT", KDD 2019
#pragma once

#include <compare>
#include <span>
#include <vector>

#include "graph/dist_csr.h"
#include "graph/neighbourhood.h"

namespace chorale {

// Numbers of relations, from those of the knowledge graph: 0 is "interacts", r + 1 is relation r of
// the knowledge graph, and the inverse of each stands after all of these.
//
// Worked example: 2 relations of knowledge. 0 interacts, 1 and 2 the relations 0 and 1; 3 is
// interacted with by, 4 and 5 are the inverses of the relations 0 and 1.
struct CollaborativeRelations {
  Index of_knowledge = 0;

  Index count() const { return 2 * (of_knowledge + 1); }
  LocalIndex interacts() const { return 0; }
  LocalIndex fact(Index relation) const { return static_cast<LocalIndex>(relation + 1); }
  LocalIndex inverse(LocalIndex relation) const {
    const auto half = static_cast<LocalIndex>(of_knowledge + 1);
    return relation < half ? relation + half : relation - half;
  }
};

// The edges that leave a node, read from the lists of its data set: its interactions, the facts of
// which it is the head, those of which it is the tail. Holds the data set's handle by reference.
class OutEdges {
 public:
  struct Edge {
    Index tail;  // a node
    LocalIndex relation;
  };

  OutEdges(const Dataset& dataset, Index node);

  Index size() const {
    return static_cast<Index>(interactions_.size() + from_.entities.size() + to_.entities.size());
  }
  Edge operator[](Index i) const;
  bool contains(Edge edge) const;

 private:
  Neighbourhood neighbours_;
  CollaborativeRelations relations_;
  Index node_;
  std::span<const std::int32_t> interactions_;  // the items of a user, or the users of an item
  Facts from_, to_;
};

// Ordered by head, tail, relation.
struct KnowledgeEdge {
  Index head, tail;  // rows of the nodes
  LocalIndex relation;
  friend auto operator<=>(const KnowledgeEdge&, const KnowledgeEdge&) = default;
};

// Those of one head, by its row, in order.
std::vector<KnowledgeEdge> edges_of_row(const Dataset& dataset, Index row);

// The edges whose heads this rank owns, in order: that of the entries of knowledge_matrix.
std::vector<KnowledgeEdge> collaborative_edges(const Dataset& dataset, const Partition& nodes);

// The sum over relations r of D_r^-1 A_r: an edge weighs 1 / (edges of its relation that leave its
// head), so the row of a head sums to the number of its distinct relations, not to 1. Parallel
// edges stay apart. Values are assignable, one an edge.
//
// Worked example: an item bought by 5 users, with two facts of one relation and one of another. Its
// row has five entries 1/5, two entries 1/2, one entry 1, and sums to 3.
//
//   edges: of this rank, in order, distinct. Collective. Throws Error if they are not.
DistCsr knowledge_matrix(Device& device, Communicator& comm, const Partition& nodes,
                         std::span<const KnowledgeEdge> edges);

}  // namespace chorale

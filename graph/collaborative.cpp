#include "graph/collaborative.h"

#include <algorithm>
#include <functional>

#include "kernels/check.h"

namespace chorale {
namespace {

// The edges that leave a node, appended.
void add_edges_of(const Dataset& dataset, Index row, std::vector<KnowledgeEdge>& edges) {
  const CollaborativeRelations relations{dataset.relations()};
  const Index node = dataset.node_of_row(row);
  const auto add = [&](Index tail, LocalIndex relation) { edges.push_back({row, tail, relation}); };
  if (dataset.is_user(node)) {
    for (const std::int32_t item : dataset.items_of(Split::train, node)) {
      add(dataset.row_of_item(item), relations.interacts());
    }
    return;
  }
  const Index entity = node - dataset.users();
  if (dataset.is_item(node)) {
    for (const std::int32_t user : dataset.users_of(entity)) {
      add(dataset.row_of_user(user), relations.inverse(relations.interacts()));
    }
  }
  if (dataset.relations() == 0) return;
  const Facts from = dataset.facts_from(entity), to = dataset.facts_to(entity);
  for (std::size_t f = 0; f < from.entities.size(); ++f) {
    add(dataset.row_of_entity(from.entities[f]), relations.fact(from.relations[f]));
  }
  for (std::size_t f = 0; f < to.entities.size(); ++f) {
    add(dataset.row_of_entity(to.entities[f]), relations.inverse(relations.fact(to.relations[f])));
  }
}

}  // namespace

std::vector<KnowledgeEdge> collaborative_edges(const Dataset& dataset, const Partition& nodes) {
  std::vector<KnowledgeEdge> edges;
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    const auto first = static_cast<std::ptrdiff_t>(edges.size());
    add_edges_of(dataset, row, edges);
    std::sort(edges.begin() + first, edges.end());
  }
  return edges;
}

DistCsr knowledge_matrix(Device& device, Communicator& comm, const Partition& nodes,
                         std::span<const KnowledgeEdge> edges) {
  require(std::adjacent_find(edges.begin(), edges.end(), std::greater_equal<>()) == edges.end(),
          "knowledge matrix: the edges are not in order, or not distinct");
  std::vector<Triplet> entries;
  entries.reserve(edges.size());
  std::vector<Index> leaving;  // edges of each relation that leave the head at hand
  for (auto head = edges.begin(); head != edges.end();) {
    const auto end = std::find_if(head, edges.end(),
                                  [&](const KnowledgeEdge& e) { return e.head != head->head; });
    leaving.clear();
    for (auto e = head; e != end; ++e) {
      const auto r = static_cast<std::size_t>(e->relation);
      if (r >= leaving.size()) leaving.resize(r + 1, 0);
      ++leaving[r];
    }
    for (auto e = head; e != end; ++e) {
      const Index degree = leaving[static_cast<std::size_t>(e->relation)];
      entries.push_back({e->head, e->tail, static_cast<Real>(1.0 / static_cast<double>(degree))});
    }
    head = end;
  }
  return DistCsr(device, comm, nodes, nodes, std::move(entries), false, EdgeValues::assignable);
}

}  // namespace chorale

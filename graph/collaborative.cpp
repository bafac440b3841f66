#include "graph/collaborative.h"

#include <algorithm>
#include <functional>

#include "kernels/check.h"

namespace chorale {
namespace {

// Of a list ascending by (entity, relation).
bool holds(const Facts& facts, std::int32_t entity, std::int32_t relation) {
  const auto [first, last] = std::ranges::equal_range(facts.entities, entity);
  const auto begin = facts.relations.begin() + (first - facts.entities.begin());
  return std::binary_search(begin, begin + (last - first), relation);
}

}  // namespace

OutEdges::OutEdges(const Dataset& dataset, Index node)
    : neighbours_{dataset},
      relations_{dataset.relations()},
      node_(node),
      interactions_(neighbours_.of(node)) {
  if (dataset.is_user(node) || dataset.relations() == 0) return;
  from_ = dataset.facts_from(node - dataset.users());
  to_ = dataset.facts_to(node - dataset.users());
}

OutEdges::Edge OutEdges::operator[](Index i) const {
  auto at = static_cast<std::size_t>(i);
  if (at < interactions_.size()) {
    const LocalIndex interacts = relations_.interacts();
    return {neighbours_.other(node_, interactions_[at]),
            neighbours_.dataset.is_user(node_) ? interacts : relations_.inverse(interacts)};
  }
  const Index entities = neighbours_.dataset.users();  // the node of entity 0
  at -= interactions_.size();
  if (at < from_.entities.size()) {
    return {entities + from_.entities[at], relations_.fact(from_.relations[at])};
  }
  at -= from_.entities.size();
  return {entities + to_.entities[at], relations_.inverse(relations_.fact(to_.relations[at]))};
}

bool OutEdges::contains(Edge edge) const {
  const LocalIndex half = relations_.inverse(relations_.interacts());
  const bool is_inverse = edge.relation >= half;
  const LocalIndex forward = is_inverse ? edge.relation - half : edge.relation;
  const Dataset& dataset = neighbours_.dataset;
  if (forward == relations_.interacts()) {
    const bool is_user = dataset.is_user(node_);
    const Index other = edge.tail - (is_user ? dataset.users() : 0);
    return is_inverse != is_user &&
           std::ranges::binary_search(interactions_, static_cast<std::int32_t>(other));
  }
  const auto entity = static_cast<std::int32_t>(edge.tail - dataset.users());
  return holds(is_inverse ? to_ : from_, entity, forward - 1);
}

std::vector<KnowledgeEdge> edges_of_row(const Dataset& dataset, Index row) {
  const OutEdges out(dataset, dataset.node_of_row(row));
  std::vector<KnowledgeEdge> edges;
  edges.reserve(static_cast<std::size_t>(out.size()));
  for (Index i = 0; i < out.size(); ++i) {
    edges.push_back({row, dataset.row_of_node(out[i].tail), out[i].relation});
  }
  std::ranges::sort(edges);
  return edges;
}

std::vector<KnowledgeEdge> collaborative_edges(const Dataset& dataset, const Partition& nodes) {
  std::vector<KnowledgeEdge> edges;
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    const std::vector<KnowledgeEdge> of_row = edges_of_row(dataset, row);
    edges.insert(edges.end(), of_row.begin(), of_row.end());
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

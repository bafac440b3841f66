#include "trainer/explain/paths.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_set>

#include "kernels/check.h"

namespace chorale {
namespace {

std::vector<std::pair<Index, LocalIndex>> steps_of(const Path& p) {
  std::vector<std::pair<Index, LocalIndex>> steps;
  for (const OutEdges::Edge& e : p.edges) steps.emplace_back(e.tail, e.relation);
  return steps;
}

bool is_better(const Path& a, const Path& b) {
  if (a.weight != b.weight) return a.weight > b.weight;
  if (a.edges.size() != b.edges.size()) return a.edges.size() < b.edges.size();
  return steps_of(a) < steps_of(b);
}

class Search {
 public:
  Search(const Dataset& dataset, const Partition& nodes, std::span<const Real> weights, Index to,
         std::size_t count)
      : dataset_(dataset), weights_(weights), to_(to), count_(count) {
    for (Index row = 0; row < nodes.rows(); ++row) {
      first_edge_.push_back(edges_before_);
      edges_before_ += OutEdges(dataset, dataset.node_of_row(row)).size();
    }
    require(edges_before_ == static_cast<Index>(weights.size()), "paths: {} weights for {} edges",
            weights.size(), edges_before_);
    const OutEdges leaving(dataset, to);  // every edge has its inverse: these lead there too
    for (Index i = 0; i < leaving.size(); ++i) neighbours_of_goal_.insert(leaving[i].tail);
  }

  // Extends the path that ends at `node` by up to `hops` edges.
  void extend(Index node, int hops) {
    visited_.insert(node);
    for (const auto& [edge, weight] : weighed_edges(node)) {
      if (visited_.contains(edge.tail)) continue;
      // Towards the end only what leads on to the goal is worth a look.
      const bool leads_on =
          edge.tail == to_ || hops > 2 || (hops == 2 && neighbours_of_goal_.contains(edge.tail));
      const double product = path_.weight * static_cast<double>(weight);
      if (!leads_on || (best_.size() == count_ && product < best_.rbegin()->weight)) continue;
      const double before = path_.weight;
      path_.weight = product;
      path_.edges.push_back(edge);
      if (edge.tail == to_) {
        offer();
      } else {
        extend(edge.tail, hops - 1);
      }
      path_.edges.pop_back();
      path_.weight = before;
    }
    visited_.erase(node);
  }

  std::vector<Path> best() const { return {best_.begin(), best_.end()}; }

 private:
  struct Better {
    bool operator()(const Path& a, const Path& b) const { return is_better(a, b); }
  };
  struct Weighed {
    OutEdges::Edge edge;
    Real weight;
  };

  // The edges of a node with their weights, heaviest first, so that light paths are cut early.
  std::vector<Weighed> weighed_edges(Index node) const {
    const Index row = dataset_.row_of_node(node);
    auto weight = weights_.begin() + first_edge_[static_cast<std::size_t>(row)];
    std::vector<Weighed> weighed;
    for (const KnowledgeEdge& e : edges_of_row(dataset_, row)) {
      weighed.push_back({{dataset_.node_of_row(e.tail), e.relation}, *weight++});
    }
    std::ranges::stable_sort(weighed, std::ranges::greater(), &Weighed::weight);
    return weighed;
  }

  void offer() {
    best_.insert(path_);
    if (best_.size() > count_) best_.erase(std::prev(best_.end()));
  }

  const Dataset& dataset_;
  std::span<const Real> weights_;
  Index to_;
  std::size_t count_;
  Index edges_before_ = 0;
  std::vector<Index> first_edge_;  // of each row
  std::unordered_set<Index> neighbours_of_goal_, visited_;
  Path path_{1, {}};
  std::set<Path, Better> best_;
};

}  // namespace

std::vector<Path> heaviest_paths(const Dataset& dataset, const Partition& nodes,
                                 std::span<const Real> weights, Index from, Index to, int hops,
                                 std::size_t count) {
  Search search(dataset, nodes, weights, to, count);
  search.extend(from, hops);
  return search.best();
}

std::string to_text(const Dataset& dataset, Index from, const Path& path) {
  const CollaborativeRelations relations{dataset.relations()};
  const auto node_name = [&](Index node) {
    return dataset.is_user(node) ? dataset.user_name(node)
                                 : dataset.entity_name(node - dataset.users());
  };
  std::string text = node_name(from);
  for (const OutEdges::Edge& e : path.edges) {
    const bool is_inverse = e.relation > relations.inverse(e.relation);
    const LocalIndex forward = is_inverse ? relations.inverse(e.relation) : e.relation;
    const std::string name =
        forward == relations.interacts() ? "interacts" : dataset.relation_name(forward - 1);
    text +=
        fmt::format(fmt::runtime(is_inverse ? " <-{}- {}" : " -{}-> {}"), name, node_name(e.tail));
  }
  return text;
}

}  // namespace chorale

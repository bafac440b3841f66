#include "graph/bipartite.h"

#include <cmath>

#include "graph/neighbourhood.h"

namespace chorale {
namespace {

double edge_weight(Normalization normalization, Index degree, Index other_degree) {
  const auto d = static_cast<double>(degree);
  switch (normalization) {
    case Normalization::plain:
      return 1.0;
    case Normalization::sym:
      return 1.0 / std::sqrt(d * static_cast<double>(other_degree));
    case Normalization::rw:
    case Normalization::rw_i:
      return 1.0 / d;
    case Normalization::rw_sl:
      return 1.0 / (d + 1.0);
  }
  return 0.0;
}

double loop_weight(Normalization normalization, Index degree) {
  if (normalization == Normalization::rw_i) return 1.0;
  if (normalization == Normalization::rw_sl) return 1.0 / (static_cast<double>(degree) + 1.0);
  return 0.0;
}

}  // namespace

DistCsr bipartite_adjacency(Device& device, Communicator& comm, const Dataset& dataset,
                            const Partition& nodes, Normalization normalization) {
  const Neighbourhood neighbours{dataset};
  Index count = nodes.local_rows();  // room for a loop in each row
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    count += neighbours.degree(dataset.node_of_row(row));
  }
  std::vector<Triplet> entries;
  entries.reserve(static_cast<std::size_t>(count));
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    const Index node = dataset.node_of_row(row);
    const Index degree = neighbours.degree(node);
    const bool is_in_graph = dataset.is_user(node) || dataset.is_item(node);
    const double loop = is_in_graph ? loop_weight(normalization, degree) : 0.0;
    if (loop != 0) entries.push_back({row, row, static_cast<Real>(loop)});
    for (const std::int32_t id : neighbours.of(node)) {
      const Index other = neighbours.other(node, id);
      const double weight = edge_weight(normalization, degree, neighbours.degree(other));
      entries.push_back({row, neighbours.row(other), static_cast<Real>(weight)});
    }
  }
  const bool symmetric =
      normalization == Normalization::plain || normalization == Normalization::sym;
  return DistCsr(device, comm, nodes, nodes, std::move(entries), symmetric);
}

}  // namespace chorale

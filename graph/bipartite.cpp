#include "graph/bipartite.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "graph/neighbourhood.h"
#include "kernels/cpu/thread_pool.h"

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

// The rows of A, or of A^T, from the mapped interaction lists.
class BipartiteRows final : public RowSource {
 public:
  BipartiteRows(const Dataset& dataset, Normalization normalization, bool transposed,
                const std::vector<std::int32_t>& degrees)
      : dataset_(dataset),
        neighbours_{dataset},
        normalization_(normalization),
        transposed_(transposed),
        degrees_(degrees) {}

  Index entries(Index row) const override {
    return degree(row) + (has_loop(dataset_.node_of_row(row)) ? 1 : 0);
  }

  void fill(Index row, std::span<Index> columns, std::span<Real> values) const override {
    const Index node = dataset_.node_of_row(row);
    std::size_t n = 0;
    if (has_loop(node)) columns[n++] = row;
    for (const std::int32_t id : neighbours_.of(node)) {
      columns[n++] = neighbours_.row(neighbours_.other(node, id));
    }
    std::ranges::sort(columns);
    for (std::size_t e = 0; e < n; ++e) values[e] = static_cast<Real>(weight(row, columns[e]));
  }

 private:
  Index degree(Index row) const { return degrees_[static_cast<std::size_t>(row)]; }
  bool has_loop(Index node) const {
    return loop_weight(normalization_, 1) != 0 &&
           (dataset_.is_user(node) || dataset_.is_item(node));
  }
  double weight(Index row, Index column) const {
    if (column == row) return loop_weight(normalization_, degree(row));
    return transposed_ ? edge_weight(normalization_, degree(column), degree(row))
                       : edge_weight(normalization_, degree(row), degree(column));
  }

  const Dataset& dataset_;
  Neighbourhood neighbours_;
  Normalization normalization_;
  bool transposed_;
  const std::vector<std::int32_t>& degrees_;
};

// Of the nodes of all rows, in training.
std::vector<std::int32_t> degrees_of_rows(const Dataset& dataset, int threads) {
  const Neighbourhood neighbours{dataset};
  std::vector<std::int32_t> degrees(static_cast<std::size_t>(dataset.nodes()));
  ThreadPool(threads).parallel_for(dataset.nodes(), 1024, [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      const Index degree = neighbours.degree(dataset.node_of_row(row));
      degrees[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(degree);
    }
  });
  return degrees;
}

}  // namespace

DistCsr bipartite_adjacency(Device& device, Communicator& comm, const Dataset& dataset,
                            const Partition& nodes, Normalization normalization, int threads) {
  const std::vector<std::int32_t> degrees = degrees_of_rows(dataset, threads);
  const BipartiteRows rows(dataset, normalization, false, degrees);
  const BipartiteRows transposed(dataset, normalization, true, degrees);
  const bool symmetric =
      normalization == Normalization::plain || normalization == Normalization::sym;
  return DistCsr(device, comm, nodes, rows, symmetric ? nullptr : &transposed, threads);
}

}  // namespace chorale

#include "graph/hypergraph.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

std::span<const LocalIndex> list(const Incidence& h, Index row) {
  const auto begin = static_cast<std::size_t>(h.begin[static_cast<std::size_t>(row)]);
  const auto end = static_cast<std::size_t>(h.begin[static_cast<std::size_t>(row) + 1]);
  return std::span(h.edges).subspan(begin, end - begin);
}

// The nodes of every hyperedge, ascending.
Incidence transposed(const Incidence& h, Index hyperedges) {
  Incidence t;
  t.begin.assign(static_cast<std::size_t>(hyperedges) + 1, 0);
  for (const LocalIndex e : h.edges) ++t.begin[static_cast<std::size_t>(e) + 1];
  std::partial_sum(t.begin.begin(), t.begin.end(), t.begin.begin());
  std::vector<Index> next = t.begin;
  t.edges.resize(h.edges.size());
  for (Index i = 0; i + 1 < static_cast<Index>(h.begin.size()); ++i) {
    for (const LocalIndex e : list(h, i)) {
      t.edges[static_cast<std::size_t>(next[static_cast<std::size_t>(e)]++)] =
          static_cast<LocalIndex>(i);
    }
  }
  return t;
}

// Row sums of H H^T, or of H H^T without its diagonal.
std::vector<Index> degrees_of(const Incidence& h, const Incidence& nodes_of, CliqueKind kind) {
  const Index self = kind == CliqueKind::rw_without_diagonal ? 1 : 0;
  std::vector<Index> degrees(h.begin.size() - 1, 0);
  for (std::size_t i = 0; i < degrees.size(); ++i) {
    for (const LocalIndex e : list(h, static_cast<Index>(i))) {
      degrees[i] += static_cast<Index>(list(nodes_of, e).size()) - self;
    }
  }
  return degrees;
}

// Rows of H H^T: the nodes that share a hyperedge with one node, and how many.
class SharedEdges {
 public:
  SharedEdges(const Incidence& h, const Incidence& nodes_of, CliqueKind kind)
      : h_(h),
        nodes_of_(nodes_of),
        keeps_diagonal_(kind == CliqueKind::sym_with_diagonal),
        counts_(h.begin.size() - 1, 0) {}

  // f(other node, shared hyperedges), in no useful order.
  template <class F>
  void each(Index node, F f) {
    for (const LocalIndex e : list(h_, node)) {
      for (const LocalIndex other : list(nodes_of_, e)) {
        if (counts_[static_cast<std::size_t>(other)]++ == 0) others_.push_back(other);
      }
    }
    for (const LocalIndex other : others_) {
      const Index count = std::exchange(counts_[static_cast<std::size_t>(other)], 0);
      if (keeps_diagonal_ || other != node) f(other, count);
    }
    others_.clear();
  }

 private:
  const Incidence& h_;
  const Incidence& nodes_of_;
  bool keeps_diagonal_;
  std::vector<Index> counts_;  // zero between calls
  std::vector<LocalIndex> others_;
};

// Entries of the expansion over all ranks. A rank stops counting above `limit`, so the answer is
// exact up to `limit` and otherwise only larger than it. Collective.
Index count_expansion(Communicator& host, const Partition& nodes, SharedEdges& shared,
                      Index limit) {
  Index mine = 0;
  for (Index i = nodes.first(); i < nodes.last() && mine <= limit; ++i) {
    shared.each(i, [&](LocalIndex, Index) { ++mine; });
  }
  const std::vector<Index> all = gather_all<Index>(host, std::span<const Index>(&mine, 1));
  return std::accumulate(all.begin(), all.end(), Index{0});
}

std::vector<Triplet> expansion(const Partition& nodes, SharedEdges& shared, CliqueKind kind,
                               std::span<const Index> degrees) {
  std::vector<Triplet> entries;
  for (Index i = nodes.first(); i < nodes.last(); ++i) {
    const auto d = static_cast<double>(degrees[static_cast<std::size_t>(i)]);
    shared.each(i, [&](LocalIndex j, Index count) {
      const double other = static_cast<double>(degrees[static_cast<std::size_t>(j)]);
      const double scale = kind == CliqueKind::sym_with_diagonal ? std::sqrt(d * other) : d;
      entries.push_back({i, j, static_cast<Real>(static_cast<double>(count) / scale)});
    });
  }
  return entries;
}

}  // namespace

CliqueOperator::CliqueOperator(Device& device, Communicator& comm, const Partition& nodes,
                               const Partition& hyperedges, const Incidence& h, CliqueKind kind,
                               CliqueForm form)
    : nodes_(nodes) {
  const auto fits = [&](LocalIndex e) { return 0 <= e && e < hyperedges.rows(); };
  require(static_cast<Index>(h.begin.size()) == nodes.rows() + 1 &&
              h.begin.back() == static_cast<Index>(h.edges.size()) &&
              std::all_of(h.edges.begin(), h.edges.end(), fits),
          "clique operator: an incidence of {} nodes and {} entries for {} nodes and {} hyperedges",
          h.begin.size() - 1, h.edges.size(), nodes.rows(), hyperedges.rows());
  const Incidence nodes_of = transposed(h, hyperedges.rows());
  const std::vector<Index> degrees = degrees_of(h, nodes_of, kind);
  SharedEdges shared(h, nodes_of, kind);
  const Index diagonal = kind == CliqueKind::rw_without_diagonal ? nodes.rows() : 0;
  const Index factored = 2 * static_cast<Index>(h.edges.size()) + diagonal;
  const Index limit = form == CliqueForm::expanded ? std::numeric_limits<Index>::max() : factored;
  const Index expanded = count_expansion(comm.host(), nodes, shared, limit);
  if (form == CliqueForm::factored || (form == CliqueForm::fewer_entries && factored < expanded)) {
    entries_ = factored;
    factorize(device, comm, hyperedges, h, kind, degrees);
  } else {
    entries_ = expanded;
    expanded_ = std::make_unique<DistCsr>(device, comm, nodes, nodes,
                                          expansion(nodes, shared, kind, degrees),
                                          kind == CliqueKind::sym_with_diagonal);
  }
}

void CliqueOperator::factorize(Device& device, Communicator& comm, const Partition& hyperedges,
                               const Incidence& h, CliqueKind kind,
                               std::span<const Index> degrees) {
  const bool sym = kind == CliqueKind::sym_with_diagonal;
  std::vector<Triplet> left, plain;
  std::vector<Real> minus;
  for (Index i = nodes_.first(); i < nodes_.last(); ++i) {
    const auto d = static_cast<double>(degrees[static_cast<std::size_t>(i)]);
    const double scale = d == 0 ? 0 : 1 / (sym ? std::sqrt(d) : d);
    for (const LocalIndex e : list(h, i)) {
      left.push_back({i, e, static_cast<Real>(scale)});
      if (!sym) plain.push_back({i, e, 1});
    }
    minus.push_back(static_cast<Real>(-scale * static_cast<double>(list(h, i).size())));
  }
  left_ = std::make_unique<DistCsr>(device, comm, nodes_, hyperedges, std::move(left), false);
  if (sym) return;
  plain_ = std::make_unique<DistCsr>(device, comm, nodes_, hyperedges, std::move(plain), false);
  std::vector<Index> begin(minus.size() + 1);
  std::iota(begin.begin(), begin.end(), Index{0});
  std::vector<LocalIndex> columns(minus.size());
  std::iota(columns.begin(), columns.end(), LocalIndex{0});
  diagonal_ = {Array<Index>(device, std::span<const Index>(begin)),
               Array<LocalIndex>(device, std::span<const LocalIndex>(columns)),
               Array<Real>(device, std::span<const Real>(minus))};
}

CsrView CliqueOperator::Diagonal::view() const {
  return {.rows = columns.size(),
          .n_own = columns.size(),
          .n_ghost = 0,
          .row_begin = begin.data(),
          .columns = columns.data(),
          .values = values.data(),
          .entries = columns.size()};
}

void CliqueOperator::multiply(Arena& arena, ConstView x, View y) const {
  if (expanded_) {
    expanded_->multiply(arena, x, y);
    return;
  }
  const DistCsr& right = incidence().transposed();
  const View between = arena.take_view(right.row_partition().local_rows(), x.cols);
  right.multiply(arena, x, between);
  left_->multiply(arena, between, y);
  arena.give_back(between);
  if (plain_) arena.device().kernels().spmm_add(diagonal_.view(), x, {}, y);
}

void CliqueOperator::multiply_transposed_add(Arena& arena, ConstView dy, View dx) const {
  if (expanded_) {
    expanded_->transposed().multiply_add(arena, dy, dx);
    return;
  }
  const DistCsr& left_transposed = left_->transposed();
  const View between = arena.take_view(left_transposed.row_partition().local_rows(), dy.cols);
  left_transposed.multiply(arena, dy, between);
  incidence().multiply_add(arena, between, dx);
  arena.give_back(between);
  if (plain_) arena.device().kernels().spmm_add(diagonal_.view(), dy, {}, dx);
}

CliqueOperator co_interactions(Device& device, Communicator& comm, const Partition& users,
                               const Partition& items, const Incidence& items_of, CliqueForm form) {
  return CliqueOperator(device, comm, users, items, items_of, CliqueKind::rw_without_diagonal,
                        form);
}

CliqueOperator shared_neighbours(Device& device, Communicator& comm, const Partition& items,
                                 std::span<const NeighbourLists> modalities, CliqueForm form) {
  const auto m = static_cast<Index>(modalities.size());
  Incidence h;
  for (Index i = 0; i < items.rows(); ++i) {
    for (Index which = 0; which < m; ++which) {
      for (const LocalIndex j : modalities[static_cast<std::size_t>(which)].of(i)) {
        h.edges.push_back(static_cast<LocalIndex>(m * j + which));
      }
    }
    h.begin.push_back(static_cast<Index>(h.edges.size()));
  }
  // The hyperedges of an item live where the item does.
  std::vector<Index> boundaries;
  for (int l = 0; l <= items.lanes().count; ++l) boundaries.push_back(m * items.lane_begin(l));
  return CliqueOperator(device, comm, items, Partition(items.lanes(), std::move(boundaries)), h,
                        CliqueKind::sym_with_diagonal, form);
}

}  // namespace chorale

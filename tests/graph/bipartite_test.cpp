// The adjacency read from the interaction lists against the same matrix as a list of its entries.
#include "graph/bipartite.h"

#include <boost/test/unit_test.hpp>

#include <cmath>

#include "graph/neighbourhood.h"
#include "tests/graph/planted.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

constexpr Normalization kAll[] = {Normalization::plain, Normalization::sym, Normalization::rw,
                                  Normalization::rw_i, Normalization::rw_sl};

// Rows of A, loops first.
std::vector<Triplet> entries_of(const Dataset& dataset, const Partition& nodes, Normalization n) {
  const Neighbourhood neighbours{dataset};
  std::vector<Triplet> entries;
  for (Index row = nodes.first(); row < nodes.last(); ++row) {
    const Index node = dataset.node_of_row(row);
    const auto degree = static_cast<double>(neighbours.degree(node));
    double edge = 1, loop = 0;
    if (n == Normalization::rw || n == Normalization::rw_i) edge = 1.0 / degree;
    if (n == Normalization::rw_sl) edge = loop = 1.0 / (degree + 1.0);
    if (n == Normalization::rw_i) loop = 1;
    if (loop != 0) entries.push_back({row, row, static_cast<Real>(loop)});
    for (const std::int32_t id : neighbours.of(node)) {
      const Index other = neighbours.other(node, id);
      const auto other_degree = static_cast<double>(neighbours.degree(other));
      if (n == Normalization::sym) edge = 1.0 / std::sqrt(degree * other_degree);
      entries.push_back({row, neighbours.row(other), static_cast<Real>(edge)});
    }
  }
  return entries;
}

bool same(const DistCsr& a, const DistCsr& b) {
  const CsrView x = a.view(), y = b.view();
  return x.rows == y.rows && x.n_own == y.n_own && x.n_ghost == y.n_ghost &&
         x.entries == y.entries && std::equal(x.row_begin, x.row_begin + x.rows + 1, y.row_begin) &&
         std::equal(x.columns, x.columns + x.entries, y.columns) &&
         std::equal(x.values, x.values + x.entries, y.values);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bipartite)

BOOST_AUTO_TEST_CASE(rows_read_from_the_lists_are_those_of_the_entries) {
  const Planted planted(8);
  for (const int ranks : {1, 2, 5}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      RankWorld w;
      const Dataset dataset = planted.open();
      const Partition nodes = dataset.node_partition(make_lanes(8, ranks, comm.rank()));
      for (const Normalization n : kAll) {
        const bool symmetric = n == Normalization::plain || n == Normalization::sym;
        const DistCsr expected(*w.device, comm, nodes, nodes, entries_of(dataset, nodes, n),
                               symmetric);
        for (const int threads : {1, 3}) {
          const DistCsr a = bipartite_adjacency(*w.device, comm, dataset, nodes, n, threads);

          require(a.nonzeros() > 0, "an empty matrix");
          require(same(a, expected), "normalization {}, {} ranks", static_cast<int>(n), ranks);
          require(same(a.transposed(), expected.transposed()), "transpose, normalization {}",
                  static_cast<int>(n));
          require((&a.transposed() == &a) == symmetric, "a second copy");
        }
      }
    });
  }
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

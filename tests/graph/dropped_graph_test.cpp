// Views of the user-item graph with some of it dropped: symmetric, normalised by what is left, and
// the same whatever the ranks.
#include "graph/dropped_graph.h"

#include <boost/test/unit_test.hpp>

#include <cmath>
#include <map>

#include "tests/graph/planted.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

constexpr int kLanes = 8;
constexpr double kRate = 0.2;

// A whole view, by global row and column; and the bits of its values in the order of the edges.
struct Whole {
  std::map<std::pair<Index, Index>, Real> values;
  std::vector<Real> in_order;
};

// Global columns of the ghosts, found by pulling every rank's own row numbers.
std::vector<Index> ghost_columns(const DistCsr& a) {
  const Partition& p = a.column_partition();
  Matrix own = own_rows(p, 1, [](Index i, Index) { return static_cast<Real>(i); });
  Matrix halo(a.ghosts(), 1);
  RankWorld w;
  a.halo().pull(w.arena, own.view(), halo.view());
  return {halo.values.begin(), halo.values.end()};
}

Whole whole(Communicator& comm, const DistCsr& a) {
  const CsrView csr = a.view();
  const std::vector<Index> ghosts = ghost_columns(a);
  std::vector<Index> places;
  std::vector<Real> values;
  for (Index r = 0; r < csr.rows; ++r) {
    for (Index e = csr.row_begin[r]; e < csr.row_begin[r + 1]; ++e) {
      const Index c = csr.columns[e];
      places.push_back(a.row_partition().first() + r);
      places.push_back(c < csr.n_own ? a.column_partition().first() + c
                                     : ghosts[static_cast<std::size_t>(c - csr.n_own)]);
      values.push_back(csr.values[e]);
    }
  }
  places = gather_all<Index>(comm, places);
  Whole result{{}, gather_all<Real>(comm, values)};
  for (std::size_t e = 0; e < result.in_order.size(); ++e) {
    result.values[{places[2 * e], places[2 * e + 1]}] = result.in_order[e];
  }
  return result;
}

// Views 0 and 1 of an epoch.
std::vector<Whole> draw(const Dataset& d, int ranks, Dropped what, Index epoch, Index before = 0) {
  std::vector<Whole> views(2);
  run_thread_ranks(ranks, [&](Communicator& comm) {
    RankWorld w;
    const Partition nodes = d.node_partition({kLanes, comm.size(), comm.rank()});
    DroppedGraph graph(*w.device, comm, d, nodes, {.what = what, .rate = kRate, .seed = 3});
    graph.redraw(w.arena, before);
    graph.redraw(w.arena, epoch);
    for (int v = 0; v < 2; ++v) {
      const Whole mine = whole(comm, graph.view(v));
      if (comm.rank() == 0) views[static_cast<std::size_t>(v)] = mine;
    }
  });
  return views;
}

std::map<Index, Index> degrees_left(const Whole& a) {
  std::map<Index, Index> degrees;
  for (const auto& [place, value] : a.values) degrees[place.first] += value != 0 ? 1 : 0;
  return degrees;
}

double share_dropped(const Whole& a) {
  return static_cast<double>(std::ranges::count(a.in_order, Real{0})) /
         static_cast<double>(a.in_order.size());
}

BOOST_AUTO_TEST_SUITE(dropped_graph)

BOOST_AUTO_TEST_CASE(a_view_is_symmetric_and_normalised_by_the_degrees_that_are_left) {
  const Planted planted(kLanes);
  const Dataset d = planted.open();
  for (const Dropped what : {Dropped::edges, Dropped::nodes}) {
    for (const Whole& a : draw(d, 1, what, 4)) {
      std::map<Index, Index> degrees = degrees_left(a);

      BOOST_TEST(static_cast<Index>(a.values.size()) == 2 * d.interactions(Split::train));
      for (const auto& [place, value] : a.values) {
        const auto [row, column] = place;
        BOOST_TEST(value == a.values.at({column, row}));
        if (value == 0) continue;
        const auto left = static_cast<double>(degrees[row] * degrees[column]);
        BOOST_TEST(value == static_cast<Real>(1.0 / std::sqrt(left)));
      }
    }
  }
}

// About 1,200 edges, each dropped with probability 0.2: the standard deviation of the share is
// 0.012, and four of them are 0.05. Of 232 nodes it is 0.026 of the nodes; an edge is left if both
// of its ends are, with probability 0.64: 0.36 dropped, and 0.12 is far.
BOOST_AUTO_TEST_CASE(about_the_share_asked_for_is_dropped) {
  const Planted planted(kLanes);
  const Dataset d = planted.open();
  BOOST_TEST(d.interactions(Split::train) > 1000);

  for (const Whole& a : draw(d, 1, Dropped::edges, 0)) {
    BOOST_TEST(std::abs(share_dropped(a) - kRate) < 0.05);
  }
  for (const Whole& a : draw(d, 1, Dropped::nodes, 0)) {
    BOOST_TEST(std::abs(share_dropped(a) - 0.36) < 0.12);
  }
}

BOOST_AUTO_TEST_CASE(a_dropped_node_loses_all_of_its_edges) {
  const Planted planted(kLanes);
  const Dataset d = planted.open();

  const Whole a = draw(d, 1, Dropped::nodes, 1)[0];

  // The edge between two nodes is left exactly if both have any.
  std::map<Index, Index> degrees = degrees_left(a);
  Index without = 0;
  for (const auto& [node, degree] : degrees) without += degree == 0 ? 1 : 0;
  BOOST_TEST(without > 0);
  for (const auto& [place, value] : a.values) {
    BOOST_TEST((value != 0) == (degrees[place.first] > 0 && degrees[place.second] > 0));
  }
}

BOOST_AUTO_TEST_CASE(a_view_has_the_same_bits_on_any_ranks) {
  const Planted planted(kLanes);
  const Dataset d = planted.open();
  for (const Dropped what : {Dropped::edges, Dropped::nodes}) {
    const std::vector<Whole> alone = draw(d, 1, what, 2);
    for (const int ranks : {2, 3, 5}) {
      const std::vector<Whole> found = draw(d, ranks, what, 2);
      for (std::size_t v = 0; v < 2; ++v) {
        BOOST_TEST(same_bits(found[v].in_order, alone[v].in_order), ranks << " ranks, view " << v);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(epochs_and_views_differ_and_an_epoch_does_not_depend_on_those_before) {
  const Planted planted(kLanes);
  const Dataset d = planted.open();

  const std::vector<Whole> third = draw(d, 1, Dropped::edges, 3),
                           again = draw(d, 1, Dropped::edges, 3, 7),
                           fourth = draw(d, 1, Dropped::edges, 4);

  BOOST_TEST(!same_bits(third[0].in_order, third[1].in_order));
  BOOST_TEST(!same_bits(third[0].in_order, fourth[0].in_order));
  for (std::size_t v = 0; v < 2; ++v) {
    BOOST_TEST(same_bits(third[v].in_order, again[v].in_order));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

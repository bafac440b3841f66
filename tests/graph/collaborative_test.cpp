// The collaborative knowledge graph: what its identities say, and its attention against plain
// loops.
#include "graph/collaborative.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "comm/self_communicator.h"
#include "graph/attention.h"
#include "tests/graph/knowledge_source.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

constexpr Index kDim = 5, kRelationDim = 3;

// Attention of every edge, and the product with it, of all ranks.
struct Weighed {
  std::vector<Real> weights, product;
};

Weighed weigh(Communicator& comm, const Dataset& d) {
  RankWorld w;
  const Lanes lanes{8, comm.size(), comm.rank()};
  const Partition nodes = d.node_partition(lanes);
  const auto edges = collaborative_edges(d, nodes);
  DistCsr a = knowledge_matrix(*w.device, comm, nodes, edges);
  const Partition relations =
      Partition::uniform(CollaborativeRelations{d.relations()}.count(), lanes);
  const Attention attention(*w.device, comm, a, edges, relations);
  const auto value = [](std::uint64_t what) {
    return [what](Index i, Index j) { return test_real(what, i, j); };
  };
  Matrix x = own_rows(nodes, kDim, value(81)), r = own_rows(relations, kRelationDim, value(82));
  Matrix m = own_rows(relations, kDim * kRelationDim, value(83));
  Matrix weights(a.nonzeros(), 1), y(nodes.local_rows(), kDim);
  attention.compute(w.arena, x.view(), r.view(), m.view(), weights.view());
  w.arena.reset();
  a.assign(w.arena, weights.view());
  a.transposed().multiply(w.arena, x.view(), y.view());
  return {gather_all<Real>(comm, weights.values), gather_all<Real>(comm, y.values)};
}

// (t W_r) . tanh(h W_r + e_r) in double.
double score(const KnowledgeEdge& e) {
  double sum = 0;
  for (Index j = 0; j < kRelationDim; ++j) {
    double head = static_cast<double>(test_real(82, e.relation, j)), tail = 0;
    for (Index i = 0; i < kDim; ++i) {
      const auto m = static_cast<double>(test_real(83, e.relation, i * kRelationDim + j));
      head += static_cast<double>(test_real(81, e.head, i)) * m;
      tail += static_cast<double>(test_real(81, e.tail, i)) * m;
    }
    sum += tail * std::tanh(head);
  }
  return sum;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(collaborative)

BOOST_AUTO_TEST_CASE(relations_and_their_inverses_are_all_the_numbers_once) {
  const CollaborativeRelations relations{39};
  std::set<LocalIndex> all{relations.interacts(), relations.inverse(relations.interacts())};
  for (Index r = 0; r < 39; ++r) {
    const LocalIndex fact = relations.fact(r);
    BOOST_TEST(fact == r + 1);
    BOOST_TEST(relations.inverse(fact) == r + 2 + 39);
    BOOST_TEST(relations.inverse(relations.inverse(fact)) == fact);
    all.insert({fact, relations.inverse(fact)});
  }

  BOOST_TEST(relations.count() == 80);
  BOOST_TEST(relations.inverse(0) == 40);
  BOOST_TEST(static_cast<Index>(all.size()) == relations.count());
  BOOST_TEST(*all.begin() == 0);
  BOOST_TEST(*all.rbegin() == 79);
}

BOOST_AUTO_TEST_CASE(every_interaction_and_every_fact_stands_in_both_directions) {
  const PlantedKnowledge planted(8);
  const Dataset d = planted.open();

  const auto edges = collaborative_edges(d, d.node_partition({8, 1, 0}));

  BOOST_TEST(static_cast<Index>(edges.size()) ==
             2 * d.interactions(Split::train) + 2 * d.triples());
  BOOST_TEST(std::is_sorted(edges.begin(), edges.end()));
  const CollaborativeRelations relations{d.relations()};
  std::map<LocalIndex, Index> counts;
  for (const KnowledgeEdge& e : edges) {
    ++counts[e.relation];
    BOOST_TEST(std::binary_search(edges.begin(), edges.end(),
                                  KnowledgeEdge{e.tail, e.head, relations.inverse(e.relation)}));
  }
  BOOST_TEST(static_cast<Index>(counts.size()) == relations.count());
  BOOST_TEST(counts[relations.interacts()] == d.interactions(Split::train));
}

// Users 0-2 are rows of their own; see write_small_kgat for the seven facts.
BOOST_AUTO_TEST_CASE(edges_of_a_small_graph) {
  const SmallKnowledge small;
  const Dataset& d = small.set;

  const auto edges = collaborative_edges(d, d.node_partition({2, 1, 0}));

  const auto has = [&](Index head, Index tail, LocalIndex relation) {
    return std::binary_search(edges.begin(), edges.end(), KnowledgeEdge{head, tail, relation});
  };
  BOOST_TEST(edges.size() == 2 * 5 + 2 * 7);
  BOOST_TEST(has(d.row_of_user(0), d.row_of_item(1), 0));
  BOOST_TEST(has(d.row_of_item(1), d.row_of_user(0), 3));
  BOOST_TEST(has(d.row_of_item(0), d.row_of_entity(3), 1));
  BOOST_TEST(has(d.row_of_item(0), d.row_of_entity(3), 2));  // a parallel edge
  BOOST_TEST(has(d.row_of_entity(3), d.row_of_item(0), 5));
  BOOST_TEST(has(d.row_of_entity(4), d.row_of_entity(4), 2));  // a loop
  BOOST_TEST(has(d.row_of_entity(4), d.row_of_entity(4), 5));
}

// Every (head, tail, relation) of the small graph, against the list of edges.
BOOST_AUTO_TEST_CASE(a_node_knows_which_edges_leave_it) {
  const SmallKnowledge small;
  const Dataset& d = small.set;
  const auto edges = collaborative_edges(d, d.node_partition({2, 1, 0}));

  std::size_t found = 0;
  for (Index head = 0; head < d.nodes(); ++head) {
    const OutEdges out(d, head);
    for (Index tail = 0; tail < d.nodes(); ++tail) {
      for (LocalIndex r = 0; r < CollaborativeRelations{d.relations()}.count(); ++r) {
        const KnowledgeEdge edge{d.row_of_node(head), d.row_of_node(tail), r};
        const bool is_edge = std::binary_search(edges.begin(), edges.end(), edge);
        BOOST_TEST(out.contains({tail, r}) == is_edge, head << " " << r << " " << tail);
        found += is_edge ? 1 : 0;
      }
    }
  }
  BOOST_TEST(found == edges.size());
}

// The worked example of collaborative.h.
BOOST_AUTO_TEST_CASE(an_edge_weighs_one_over_its_relations_edges_at_the_head) {
  RankWorld w;
  const auto comm = make_self_communicator();
  std::vector<KnowledgeEdge> edges;
  for (Index user = 1; user <= 5; ++user) edges.push_back({0, user, 4});
  edges.insert(edges.end(), {{0, 6, 1}, {0, 6, 2}, {0, 7, 1}});

  const DistCsr a = knowledge_matrix(*w.device, *comm, Partition::uniform(8, {1, 1, 0}), edges);

  const Real fifth = Real(1) / 5, half = Real(1) / 2;
  const Real* values = a.view().values;
  BOOST_TEST((std::vector<Real>(values, values + 8) ==
              std::vector<Real>{fifth, fifth, fifth, fifth, fifth, half, 1, half}));
  std::swap(edges[0], edges[1]);
  BOOST_CHECK_THROW(knowledge_matrix(*w.device, *comm, Partition::uniform(8, {1, 1, 0}), edges),
                    Error);
}

BOOST_AUTO_TEST_CASE(rows_sum_to_the_number_of_relations_at_the_node) {
  const PlantedKnowledge planted(8);
  run_thread_ranks(3, [&](Communicator& comm) {
    RankWorld w;
    const Dataset d = planted.open();
    const Partition nodes = d.node_partition({8, comm.size(), comm.rank()});
    const auto edges = collaborative_edges(d, nodes);
    const DistCsr a = knowledge_matrix(*w.device, comm, nodes, edges);
    std::map<Index, std::set<LocalIndex>> relations;
    for (const KnowledgeEdge& e : edges) relations[e.head].insert(e.relation);
    Matrix sums(nodes.local_rows(), 1), ones(nodes.local_rows(), 1, 1);

    a.multiply(w.arena, ones.view(), sums.view());

    for (Index i = 0; i < sums.n; ++i) {
      const auto expected = static_cast<Real>(relations[nodes.first() + i].size());
      require(std::abs(sums(i, 0) - expected) < 1e-5, "row {}: {}, expected {}", i, sums(i, 0),
              expected);
    }
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(attention_is_that_of_plain_loops_and_the_same_on_any_ranks) {
  const PlantedKnowledge planted(8);
  const Dataset d = planted.open();
  Weighed alone;
  for (const int ranks : {1, 2, 3}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      const Weighed found = weigh(comm, planted.open());
      if (comm.size() == 1) alone = found;
      require(same_bits(found.weights, alone.weights), "the weights differ");
      require(same_bits(found.product, alone.product), "the product with them differs");
    });
    BOOST_TEST(true);
  }

  const auto edges = collaborative_edges(d, d.node_partition({8, 1, 0}));
  std::map<Index, double> largest, sums;
  for (const KnowledgeEdge& e : edges) {
    largest.try_emplace(e.head, score(e));
    largest[e.head] = std::max(largest[e.head], score(e));
  }
  for (const KnowledgeEdge& e : edges) sums[e.head] += std::exp(score(e) - largest[e.head]);
  // Scores of at most 50 are rounded by 30 eps of their terms: 50 * 30 eps in the exponent.
  const double tolerance = 1500 * static_cast<double>(std::numeric_limits<Real>::epsilon());
  BOOST_REQUIRE(alone.weights.size() == edges.size());
  for (std::size_t e = 0; e < edges.size(); ++e) {
    const double expected =
        std::exp(score(edges[e]) - largest[edges[e].head]) / sums[edges[e].head];
    BOOST_TEST(std::abs(static_cast<double>(alone.weights[e]) - expected) <= tolerance);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

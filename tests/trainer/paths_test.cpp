// The heaviest paths against a plain enumeration of all of them.
#include "trainer/explain/paths.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"

namespace chorale::test {
namespace {

struct Graph {
  TemporaryFolder folder;
  Dataset set = Dataset::open(make_tiny_dataset(folder.path(), 31, 25));
  Partition nodes = set.node_partition(make_lanes(12, 1, 0));
  std::vector<KnowledgeEdge> edges = collaborative_edges(set, nodes);
  std::vector<Real> weights;

  Graph() {
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const RandomBits b = random_bits({Purpose::test, 3}, 0, i);
      weights.push_back(static_cast<Real>(0.05 + 0.9 * uniform(b.word[0], b.word[1])));
    }
  }
  // Weights of all simple paths, by brute force.
  void enumerate(Index row, Index goal, int hops, double weight, std::set<Index>& seen,
                 std::vector<double>& found) const {
    seen.insert(row);
    for (std::size_t i = 0; i < edges.size(); ++i) {
      if (edges[i].head != row || seen.contains(edges[i].tail)) continue;
      const double product = weight * static_cast<double>(weights[i]);
      if (edges[i].tail == goal) {
        found.push_back(product);
      } else if (hops > 1) {
        enumerate(edges[i].tail, goal, hops - 1, product, seen, found);
      }
    }
    seen.erase(row);
  }
};

BOOST_FIXTURE_TEST_SUITE(paths, Graph)

BOOST_AUTO_TEST_CASE(the_best_of_all_simple_paths_are_found) {
  for (const int hops : {1, 2, 3}) {
    for (const Index item : {Index{0}, Index{7}, Index{24}}) {
      const Index goal = set.users() + item;
      std::set<Index> seen;
      std::vector<double> all;
      enumerate(set.row_of_user(3), set.row_of_node(goal), hops, 1, seen, all);
      std::ranges::sort(all, std::ranges::greater());
      all.resize(std::min<std::size_t>(all.size(), 8));

      const std::vector<Path> found = heaviest_paths(set, nodes, weights, 3, goal, hops, 8);

      BOOST_TEST_CONTEXT(hops << " hops to item " << item) {
        BOOST_TEST_REQUIRE(found.size() == all.size());
        for (std::size_t i = 0; i < all.size(); ++i) {
          BOOST_TEST(found[i].weight == all[i]);  // the same products in the same order
          BOOST_TEST(found[i].edges.back().tail == goal);
          BOOST_TEST(found[i].edges.size() <= static_cast<std::size_t>(hops));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(arrows_show_the_direction_of_a_fact) {
  const Index maker = set.users() + set.items() + 6;  // entities: items, 6 genres, 12 makers
  const Facts made = set.facts_to(maker - set.users());
  const auto item = set.users() + made.entities[0];
  const CollaborativeRelations r{set.relations()};
  const auto made_by = r.fact(1);

  const std::string text =
      to_text(set, 5, {0.5, {{item, r.interacts()}, {maker, made_by}, {item, r.inverse(made_by)}}});

  const std::string name = set.item_name(made.entities[0]);
  BOOST_TEST(text == "user-00005 -interacts-> " + name + " -made_by-> maker-0 <-made_by- " + name);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test

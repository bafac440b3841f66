// The sampler of TransR: what it promises of heads, facts, corrupted tails and groups.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "graph/collaborative.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/data/sampler.h"

namespace chorale::test {
namespace {

struct Sample {
  Index head, tail, negative;  // nodes
  LocalIndex relation;
  friend bool operator==(const Sample&, const Sample&) = default;
};

// The whole batch of a step, put together from all ranks' parts.
std::vector<Sample> draw(const Dataset& data, Index heads, Index step, int ranks) {
  std::vector<Sample> all;
  for (int rank = 0; rank < ranks; ++rank) {
    const Lanes lanes = make_lanes(12, ranks, rank);
    Batch batch;
    make_fact_sampler(data, lanes, {.heads = heads, .seed = 5})->draw(step, batch);
    const std::vector<Index>& groups = batch.groups;
    BOOST_TEST_REQUIRE(groups.size() == batch["relation"].rows.size() + 1);
    BOOST_TEST(groups.back() == batch["head"].part.local_rows());
    for (std::size_t g = 0; g + 1 < groups.size(); ++g) {
      BOOST_TEST(groups[g] < groups[g + 1]);
      for (auto i = static_cast<std::size_t>(groups[g]);
           i < static_cast<std::size_t>(groups[g + 1]); ++i) {
        all.push_back({data.node_of_row(batch["head"].rows[i]),
                       data.node_of_row(batch["tail"].rows[i]),
                       data.node_of_row(batch["negative"].rows[i]),
                       static_cast<LocalIndex>(batch["relation"].rows[g])});
      }
    }
  }
  return all;
}

struct Data {
  TemporaryFolder folder;
  Dataset set = Dataset::open(make_tiny_dataset(folder.path()));
};

BOOST_FIXTURE_TEST_SUITE(fact_sampler, Data)

BOOST_AUTO_TEST_CASE(facts_are_edges_and_corrupted_ones_are_not) {
  for (Index step = 0; step < 40; ++step) {
    std::set<Index> heads;
    for (const Sample& s : draw(set, 64, step, 1)) {
      const OutEdges out(set, s.head);
      BOOST_TEST(out.contains({s.tail, s.relation}));
      BOOST_TEST(!out.contains({s.negative, s.relation}));
      BOOST_TEST(heads.insert(s.head).second);
    }
    BOOST_TEST(heads.size() == 64u);
  }
}

BOOST_AUTO_TEST_CASE(a_batch_is_ordered_by_relation_and_the_same_on_any_ranks) {
  const std::vector<Sample> alone = draw(set, 61, 3, 1);

  BOOST_TEST(std::ranges::is_sorted(alone, {}, &Sample::relation));
  for (const int ranks : {2, 3, 5, 12}) BOOST_TEST((draw(set, 61, 3, ranks) == alone));
}

// With k of n nodes a step, a node is drawn in 1000 steps 1000 k / n times, with less variance than
// as many independent draws. Users, items and other entities are all heads.
BOOST_AUTO_TEST_CASE(heads_are_uniform_over_nodes_with_edges_and_facts_over_their_edges) {
  std::map<Index, Index> drawn;
  std::map<std::pair<Index, LocalIndex>, Index> of_entity;
  const Index entity = set.users() + set.items();  // a genre: facts of two relations lead to it
  for (Index step = 0; step < 1000; ++step) {
    for (const Sample& s : draw(set, 64, step, 1)) {
      ++drawn[s.head];
      if (s.head == entity) ++of_entity[{s.tail, s.relation}];
    }
  }
  Index with_edges = 0;
  for (Index node = 0; node < set.nodes(); ++node)
    with_edges += OutEdges(set, node).size() > 0 ? 1 : 0;
  const double mean = 64'000.0 / static_cast<double>(with_edges);
  BOOST_TEST(static_cast<Index>(drawn.size()) == with_edges);
  for (const auto& [node, count] : drawn)
    BOOST_TEST(std::abs(static_cast<double>(count) - mean) < 5 * std::sqrt(mean));
  const OutEdges out(set, entity);
  const double of_edge = static_cast<double>(drawn[entity]) / static_cast<double>(out.size());
  for (Index i = 0; i < out.size(); ++i) {
    const auto count = static_cast<double>(of_entity[{out[i].tail, out[i].relation}]);
    BOOST_TEST(std::abs(count - of_edge) < 5 * std::sqrt(of_edge));
  }
}

BOOST_AUTO_TEST_CASE(more_samples_than_nodes_repeat_heads) {
  BOOST_TEST(static_cast<Index>(draw(set, 3 * set.nodes(), 0, 1).size()) == 3 * set.nodes());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test

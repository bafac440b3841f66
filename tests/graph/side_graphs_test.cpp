// From a data set to its users' and its items' own graphs: rows and ids are never mixed up, and
// ranks do not show.
#include "graph/side_graphs.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>

#include "comm/self_communicator.h"
#include "tests/graph/knowledge_source.h"
#include "tests/graph/rank_world.h"

namespace chorale {

BOOST_AUTO_TEST_SUITE(side_graphs)

BOOST_AUTO_TEST_CASE(ids_stand_in_the_order_of_the_rows_of_their_side) {
  const PlantedKnowledge planted(8);
  const Dataset d = planted.open();

  const std::vector<Index> users = user_ids(d), items = item_ids(d);

  BOOST_TEST(static_cast<Index>(users.size()) == d.users());
  BOOST_TEST(static_cast<Index>(items.size()) == d.items());
  for (std::size_t r = 1; r < users.size(); ++r) {
    BOOST_TEST(d.row_of_user(users[r - 1]) < d.row_of_user(users[r]));
  }
  for (std::size_t r = 1; r < items.size(); ++r) {
    BOOST_TEST(d.row_of_item(items[r - 1]) < d.row_of_item(items[r]));
  }
}

BOOST_AUTO_TEST_CASE(incidence_holds_every_training_interaction) {
  const PlantedKnowledge planted(8);
  const Dataset d = planted.open();
  const std::vector<Index> users = user_ids(d), items = item_ids(d);

  const Incidence h = items_of_users(d);

  BOOST_TEST(static_cast<Index>(h.edges.size()) == d.interactions(Split::train));
  for (std::size_t r = 0; r < users.size(); ++r) {
    std::vector<std::int32_t> found;
    for (Index e = h.begin[r]; e < h.begin[r + 1]; ++e) {
      const auto row = static_cast<std::size_t>(h.edges[static_cast<std::size_t>(e)]);
      found.push_back(static_cast<std::int32_t>(items[row]));
    }
    std::sort(found.begin(), found.end());
    const auto expected = d.items_of(Split::train, users[r]);
    BOOST_TEST(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
  }
}

BOOST_AUTO_TEST_CASE(graphs_of_a_data_set_have_the_same_bits_on_any_ranks) {
  const PlantedKnowledge planted(8);
  std::vector<Real> alone;
  for (const int ranks : {1, 2, 3}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      RankWorld w;
      const Dataset d = planted.open();
      const Lanes lanes{8, comm.size(), comm.rank()};
      const CliqueOperator p = co_interactions(*w.device, comm, d, lanes);
      const NeighbourLists lists = item_neighbours(*w.device, comm, d, lanes, "image", 4);
      Matrix x = own_rows(p.partition(), 3, [](Index i, Index j) { return test_real(71, i, j); });
      Matrix y(x.n, x.d);
      p.multiply(w.arena, x.view(), y.view());
      std::vector<Real> all = gather_all<Real>(comm, y.values);
      all.insert(all.end(), lists.rows.begin(), lists.rows.end());
      if (comm.size() == 1) alone = all;
      require(same_bits(all, alone) && lists.size() == d.items(), "bits differ");
    });
    BOOST_TEST(true);
  }
}

// Features of item i are (10 i, 10 i + 1, 10 i + 2): large ids point ever more the same way, so the
// nearest of an item are its neighbours in id.
BOOST_AUTO_TEST_CASE(neighbours_are_named_by_row) {
  const PlantedKnowledge planted(8);
  RankWorld w;
  const auto comm = make_self_communicator();
  const Dataset d = planted.open();
  const std::vector<Index> ids = item_ids(d);

  const NeighbourLists lists = item_neighbours(*w.device, *comm, d, {8, 1, 0}, "image", 2);

  for (Index row = 0; row < lists.size(); ++row) {
    const Index id = ids[static_cast<std::size_t>(row)];
    if (id > 9) continue;  // beyond, cosines differ by less than their rounding
    BOOST_TEST(lists.of(row)[0] == row);
    const Index other = ids[static_cast<std::size_t>(lists.of(row)[1])];
    BOOST_TEST(other == id + 1);
  }
  BOOST_CHECK_EXCEPTION(item_neighbours(*w.device, *comm, d, {8, 1, 0}, "profile", 2), Error,
                        [](const Error& e) { return e.code() == Exit::usage; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

// Tables: what they hold, and that state is columns of the same rows.
#include "embedding/table.h"

#include <boost/test/unit_test.hpp>

#include "tests/embedding/helpers.h"

namespace chorale::test {

BOOST_AUTO_TEST_SUITE(tables)

BOOST_AUTO_TEST_CASE(an_embedding_table_holds_this_ranks_rows_keyed_by_node) {
  const auto device = make_device({});
  const Partition p = Partition::uniform(10, make_lanes(4, 2, 1));  // rank 1 of 2: rows 5 to 9

  const Table table(*device, "t.ego", p, 2, std::vector<Index>{50, 60, 70, 80, 90},
                    [](Index node, Index column) { return static_cast<Real>(node + column); });

  BOOST_TEST(table.name() == "t.ego");
  BOOST_TEST((table.layout() == Layout::rows));
  BOOST_TEST(table.rows() == 10);
  BOOST_TEST(table.local_rows() == 5);
  BOOST_TEST(host(*device, table.values()) ==
             (std::vector<Real>{50, 51, 60, 61, 70, 71, 80, 81, 90, 91}));
}

BOOST_AUTO_TEST_CASE(a_weight_is_held_whole_by_every_rank) {
  const auto device = make_device({});

  const Table table(*device, "t.w", make_lanes(4, 2, 1), 2, 3,
                    [](Index row, Index column) { return static_cast<Real>(10 * row + column); });

  BOOST_TEST((table.layout() == Layout::replicated));
  BOOST_TEST(table.local_rows() == 2);
  BOOST_TEST(table.partition().lanes().count == 4);
  BOOST_TEST(host(*device, table.values()) == (std::vector<Real>{0, 1, 2, 10, 11, 12}));
}

BOOST_AUTO_TEST_CASE(a_table_longer_than_one_upload_is_filled_to_its_end) {
  Rank rank;
  const Index rows = 9973, cols = 64;  // two and a half uploads

  const Table table = rank.table(rows, cols);

  const std::vector<Real> found = host(*rank.device, table.values());
  bool same = true;
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < cols; ++j) {
      same = same && found[static_cast<std::size_t>(i * cols + j)] == number(1, 1000 * i + j);
    }
  }
  BOOST_TEST(same);
}

BOOST_AUTO_TEST_CASE(state_columns_begin_with_their_initial_value) {
  Rank rank;
  Table table = rank.table(5, 3);

  table.allocate_state({{"squares", 1, Real(0.5)}, {"m", 3, 0}});

  BOOST_TEST(table.state_columns().size() == 2u);
  BOOST_TEST(host(*rank.device, table.state(0)) == std::vector<Real>(5, Real(0.5)));
  BOOST_TEST(host(*rank.device, table.state(1)) == std::vector<Real>(15));
  BOOST_CHECK_THROW(table.state(2), Error);
}

BOOST_AUTO_TEST_CASE(nodes_must_be_as_many_as_rows) {
  const auto device = make_device({});
  const Partition p = Partition::uniform(10, {.count = 2});

  BOOST_CHECK_THROW(Table(*device, "t", p, 2, std::vector<Index>{1, 2}, constant_values(0)), Error);
}

BOOST_AUTO_TEST_CASE(a_rank_without_rows_has_an_empty_table) {
  const auto device = make_device({});
  const Partition p = Partition::uniform(1, make_lanes(2, 2, 0));  // lane 0 of 2 holds no row of 1

  Table table(*device, "t", p, 2, {}, constant_values(1));
  table.allocate_state({{"m", 2, 0}});

  BOOST_TEST(table.local_rows() == 0);
  BOOST_TEST(table.state(0).rows == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

// The prepared data set: every interaction survives, rows and ids map to and fro, lanes merge, and
// a damaged folder is never opened.
#include "graph/io/dataset.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <set>
#include <utility>
#include <vector>

#include "graph/io/inspect.h"
#include "graph/io/prepare.h"
#include "graph/io/reader.h"
#include "tests/graph/planted.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(dataset)

using Pairs = std::set<std::pair<Index, Index>>;

Pairs pairs(const InteractionList& list) {
  Pairs result;
  for (std::size_t i = 0; i < list.users.size(); ++i) {
    result.emplace(list.users[i], list.items[i]);
  }
  return result;
}

Pairs pairs(const Dataset& d, Split split) {
  Pairs result;
  for (Index u = 0; u < d.users(); ++u) {
    for (const Index i : d.items_of(split, u)) result.emplace(u, i);
  }
  return result;
}

BOOST_AUTO_TEST_CASE(every_interaction_of_every_split_survives) {
  for (const int lanes : {1, 7, 97}) {
    const Planted p(lanes);
    const RawData raw = find_reader("lightgcn").read(p.options.source);

    const Dataset d = p.open();

    Pairs train = pairs(d, Split::train);
    const Pairs validation = pairs(d, Split::validation);
    BOOST_TEST((pairs(d, Split::test) == pairs(raw.test)));
    BOOST_TEST(d.interactions(Split::test) == static_cast<Index>(raw.test.users.size()));
    BOOST_TEST(d.interactions(Split::train) == static_cast<Index>(train.size()));
    BOOST_TEST(d.interactions(Split::validation) == static_cast<Index>(validation.size()));
    const std::size_t sum = train.size() + validation.size();
    train.insert(validation.begin(), validation.end());
    BOOST_TEST((train == pairs(raw.train)));
    BOOST_TEST(train.size() == sum);  // disjoint
    BOOST_TEST(d.stored_lanes() == lanes);
  }
}

BOOST_AUTO_TEST_CASE(users_of_an_item_are_the_transpose_of_training) {
  const Dataset d = Planted(7).open();

  Pairs found;
  for (Index i = 0; i < d.items(); ++i) {
    const auto users = d.users_of(i);
    BOOST_TEST(std::is_sorted(users.begin(), users.end()));
    for (const Index u : users) found.emplace(u, i);
  }

  BOOST_TEST((found == pairs(d, Split::train)));
}

BOOST_AUTO_TEST_CASE(the_held_out_items_do_not_depend_on_the_lanes) {
  const Planted a(1), b(16);

  BOOST_TEST((pairs(a.open(), Split::validation) == pairs(b.open(), Split::validation)));
}

BOOST_AUTO_TEST_CASE(rows_and_nodes_are_a_bijection) {
  for (const int lanes : {1, 3, 64, 97}) {
    const Dataset d = Planted(lanes).open();
    std::set<Index> rows;

    for (Index u = 0; u < d.users(); ++u) {
      rows.insert(d.row_of_user(u));
      BOOST_REQUIRE(d.node_of_row(d.row_of_user(u)) == u);
    }
    for (Index i = 0; i < d.items(); ++i) {
      rows.insert(d.row_of_item(i));
      BOOST_REQUIRE(d.node_of_row(d.row_of_item(i)) == d.users() + i);
    }

    BOOST_TEST(rows.size() == static_cast<std::size_t>(d.nodes()));
    BOOST_TEST(*rows.begin() == 0);
    BOOST_TEST(*rows.rbegin() == d.nodes() - 1);
  }
}

BOOST_AUTO_TEST_CASE(a_lane_has_its_users_before_its_items_each_by_descending_degree) {
  const Dataset d = Planted(6).open();
  const Partition p = d.node_partition({6, 1, 0});

  for (int lane = 0; lane < 6; ++lane) {
    std::pair<int, Index> before = {0, d.nodes()};  // side, degree
    for (Index row = p.lane_begin(lane); row < p.lane_begin(lane + 1); ++row) {
      const Index node = d.node_of_row(row);
      const int side = d.is_user(node) ? 0 : 1;
      const auto degree = static_cast<Index>(side == 0 ? d.items_of(Split::train, node).size()
                                                       : d.users_of(node - d.users()).size());
      const bool follows = side > before.first || (side == before.first && degree <= before.second);
      BOOST_TEST(follows);
      before = {side, degree};
    }
  }
}

BOOST_AUTO_TEST_CASE(stored_lanes_merge_into_runs) {
  const Dataset d = Planted(8).open();
  const Partition whole = d.node_partition({8, 3, 1});

  for (const int count : {1, 2, 3, 5, 8}) {
    const Partition merged = d.node_partition({count, 1, 0});
    BOOST_TEST(merged.rows() == d.nodes());
    for (int lane = 0; lane <= count; ++lane) {
      BOOST_TEST(merged.lane_begin(lane) == whole.lane_begin(8 * lane / count));
    }
  }
  BOOST_TEST(whole.lanes().ranks == 3);
  BOOST_TEST(whole.lanes().rank == 1);
  BOOST_TEST(whole.first(1) == whole.lane_begin(2));
}

BOOST_AUTO_TEST_CASE(more_lanes_than_are_stored_are_a_usage_error) {
  const Dataset d = Planted(8).open();

  const Error error = error_of([&] { d.node_partition({9, 1, 0}); });

  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "9 lanes"));
  BOOST_TEST(error.hint().find("--lanes 9") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lanes_without_nodes_are_kept) {
  TemporaryFolder folder;
  write_text(folder / "s/train.txt", "0 1\n");
  write_text(folder / "s/test.txt", "0 0\n");
  prepare({.source = folder / "s", .out = folder / "out", .lanes = 64});

  const Dataset d = Dataset::open(folder / "out");
  const Partition p = d.node_partition({64, 2, 1});

  BOOST_TEST(p.rows() == 3);
  BOOST_TEST(p.lane_begin(64) == 3);
  BOOST_TEST(d.stored_lanes() == 64);
}

BOOST_AUTO_TEST_CASE(raw_ids_map_to_and_fro) {
  const Dataset d = Planted(5).open();

  BOOST_TEST(d.user_name(42) == "user-00042");
  BOOST_TEST(d.item_name(82) == "item-00082");
  for (Index u = 0; u < d.users(); ++u) BOOST_TEST(d.find_user(d.user_name(u)).value() == u);
  for (Index i = 0; i < d.items(); ++i) BOOST_TEST(d.find_item(d.item_name(i)).value() == i);
  BOOST_TEST(!d.find_user("item-00001"));
  BOOST_TEST(!d.find_user(""));
  BOOST_TEST(!d.find_user("user-0004"));
  BOOST_CHECK_THROW(d.user_name(149), Error);
  BOOST_CHECK_THROW(d.items_of(Split::train, -1), Error);
  BOOST_CHECK_THROW(d.users_of(83), Error);
  BOOST_CHECK_THROW(d.node_of_row(d.nodes()), Error);
}

BOOST_AUTO_TEST_CASE(raw_ids_of_any_bytes_survive) {
  TemporaryFolder folder;
  const std::vector<std::string> raw = {
      "-0",   "007", "7", "nan", "\xc3\xa9t\xc3\xa9", "\"", "a,b", std::string(4096, 'x'),
      "NULL", "0"};
  std::string list = "org_id remap_id\n", train;
  for (std::size_t u = 0; u < raw.size(); ++u) {
    list += raw[u] + " " + std::to_string(u) + "\n";
    train += std::to_string(u) + " 0\n";
  }
  write_text(folder / "s/user_list.txt", list);
  write_text(folder / "s/train.txt", train);
  write_text(folder / "s/test.txt", "");
  prepare({.source = folder / "s", .out = folder / "out", .lanes = 2});

  const Dataset d = Dataset::open(folder / "out");

  for (std::size_t u = 0; u < raw.size(); ++u) {
    BOOST_TEST(d.user_name(static_cast<Index>(u)) == raw[u]);
    BOOST_TEST(d.find_user(raw[u]).value() == static_cast<Index>(u));
  }
}

BOOST_AUTO_TEST_CASE(the_description_shows_counts_degrees_and_the_report) {
  TemporaryFolder folder;
  write_text(folder / "s/train.txt", "0 0 1 2 2\n1 0\n2 0\n");
  write_text(folder / "s/test.txt", "0 3\n1 \n");
  prepare({.source = folder / "s", .out = folder / "out", .lanes = 2});

  const std::string text = describe(Dataset::open(folder / "out"));

  for (const char* line : {"\nusers: 3\nitems: 4\n", "density of training: 41.67 %",
                           "  train                5                     3\n",
                           "  test                 1                     1\n",
                           "  users                1         1       1.7         3         3\n",
                           "  items                0         1       1.2         3         3\n",
                           "lanes: 2, each with 3 to 4 rows and 5 to 5 non-zeros\n",
                           "  train: duplicate interactions, kept once: 1\n",
                           "  test.txt: users with an empty line: 1\n",
                           "  items with test or validation interactions only: 1\n"}) {
    BOOST_TEST(text.find(line) != std::string::npos, "not found: " << line << " in\n" << text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

// The lane order: every node once, balanced, the same from the same lists, and neighbours together.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "graph/io/lane_order.h"
#include "kernels/random.h"

namespace chorale {
namespace {

// `groups` communities of users and items; a user takes nine of ten items from its own, if
// `planted`.
IdLists communities(Index users, Index items, Index groups, bool planted) {
  InteractionList pairs;
  for (Index u = 0; u < users; ++u) {
    for (std::uint64_t k = 0; k < 20; ++k) {
      const RandomBits bits = random_bits({Purpose::test, 4}, static_cast<std::uint64_t>(u), k);
      Index item = static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(items)));
      // Communities are interleaved, so that neighbouring ids share nothing.
      if (planted && bits.word[2] % 10 != 0) item = item / groups * groups + u % groups;
      if (item >= items) continue;
      pairs.users.push_back(u);
      pairs.items.push_back(item);
    }
  }
  return group_by_user(pairs, users, items).lists;
}

// Entities of a knowledge graph beside the items of `communities`: `others` more, each of a group,
// with nine of ten of its eight facts about items of the same group.
IdLists planted_facts(Index items, Index others, Index groups) {
  InteractionList pairs;
  for (Index o = 0; o < others; ++o) {
    for (std::uint64_t k = 0; k < 8; ++k) {
      const RandomBits bits = random_bits({Purpose::test, 6}, static_cast<std::uint64_t>(o), k);
      Index item = static_cast<Index>(random_below(bits, static_cast<std::uint64_t>(items)));
      if (bits.word[2] % 10 != 0) item = item / groups * groups + o % groups;
      if (item >= items) continue;
      pairs.users.insert(pairs.users.end(), {items + o, item});
      pairs.items.insert(pairs.items.end(), {item, items + o});
    }
  }
  return group_by_user(pairs, items + others, items + others).lists;
}

// The share of interactions whose user and item are in different lanes.
double cut(const IdLists& lists, const LaneOrder& order, Index items) {
  std::vector<std::size_t> lane_of_user(static_cast<std::size_t>(lists.rows()));
  std::vector<std::size_t> lane_of_item(static_cast<std::size_t>(items));
  for (std::size_t l = 0; l < order.users.size(); ++l) {
    for (const Index u : order.users[l]) lane_of_user[static_cast<std::size_t>(u)] = l;
    for (const Index i : order.items[l]) lane_of_item[static_cast<std::size_t>(i)] = l;
  }
  Index between = 0;
  for (Index u = 0; u < lists.rows(); ++u) {
    for (const std::int32_t i : lists[u]) {
      between +=
          lane_of_user[static_cast<std::size_t>(u)] != lane_of_item[static_cast<std::size_t>(i)]
              ? 1
              : 0;
    }
  }
  return static_cast<double>(between) / static_cast<double>(lists.size());
}

BOOST_AUTO_TEST_SUITE(lane_order)

BOOST_AUTO_TEST_CASE(every_user_and_item_is_in_one_lane) {
  const IdLists lists = communities(211, 97, 4, true);
  const LaneOrder order = order_into_lanes(lists, transposed(lists, 97), {}, 7);

  std::vector<Index> users, items;
  for (const auto& ids : order.users) users.insert(users.end(), ids.begin(), ids.end());
  for (const auto& ids : order.items) items.insert(items.end(), ids.begin(), ids.end());
  std::ranges::sort(users);
  std::ranges::sort(items);

  BOOST_TEST_REQUIRE(users.size() == 211U);
  BOOST_TEST_REQUIRE(items.size() == 97U);
  for (Index i = 0; i < 211; ++i) BOOST_TEST(users[static_cast<std::size_t>(i)] == i);
  for (Index i = 0; i < 97; ++i) BOOST_TEST(items[static_cast<std::size_t>(i)] == i);
}

BOOST_AUTO_TEST_CASE(lanes_are_balanced_within_what_the_header_promises) {
  for (const bool planted : {true, false}) {
    const IdLists lists = communities(1009, 503, 5, planted);
    const IdLists by_item = transposed(lists, 503);
    const LaneOrder order = order_into_lanes(lists, by_item, {}, 8);

    const Index row_load = lists.size() / (1009 + 503);
    Index total = 0, heaviest = 0, largest_node = 0;
    for (std::size_t l = 0; l < 8; ++l) {
      Index load = 0;
      for (const Index u : order.users[l]) {
        load += lists.degree(u) + row_load;
        largest_node = std::max(largest_node, lists.degree(u) + row_load);
      }
      for (const Index i : order.items[l]) {
        load += by_item.degree(i) + row_load;
        largest_node = std::max(largest_node, by_item.degree(i) + row_load);
      }
      total += load;
      heaviest = std::max(heaviest, load);
    }

    BOOST_TEST(static_cast<double>(heaviest) <=
               1.05 * static_cast<double>(total) / 8 + static_cast<double>(largest_node));
  }
}

BOOST_AUTO_TEST_CASE(planted_communities_are_kept_together) {
  const IdLists lists = communities(1009, 503, 4, true);
  const LaneOrder order = order_into_lanes(lists, transposed(lists, 503), {}, 4);

  // One interaction in ten leaves its community, three quarters of those to other lanes; dealt
  // blindly, three in four would leave.
  BOOST_TEST(cut(lists, order, 503) < 0.3);
}

BOOST_AUTO_TEST_CASE(neighbouring_lanes_belong_together) {
  const IdLists lists = communities(1009, 503, 2, true);
  LaneOrder order = order_into_lanes(lists, transposed(lists, 503), {}, 8);

  // Halves of the lanes, as two ranks would own them, hold the two communities.
  LaneOrder halves{std::vector<std::vector<Index>>(2), std::vector<std::vector<Index>>(2), {}};
  for (std::size_t l = 0; l < 8; ++l) {
    auto& users = halves.users[l / 4];
    auto& items = halves.items[l / 4];
    users.insert(users.end(), order.users[l].begin(), order.users[l].end());
    items.insert(items.end(), order.items[l].begin(), order.items[l].end());
  }

  BOOST_TEST(cut(lists, halves, 503) < 0.25);  // blindly: one half
}

BOOST_AUTO_TEST_CASE(more_lanes_than_nodes_leave_lanes_empty) {
  const IdLists lists = communities(2, 3, 1, false);

  const LaneOrder order = order_into_lanes(lists, transposed(lists, 3), {}, 64);

  BOOST_TEST(order.users.size() == 64U);
  BOOST_TEST(order.items.size() == 64U);
}

BOOST_AUTO_TEST_CASE(other_entities_are_placed_once_balanced_and_near_their_neighbours) {
  const IdLists lists = communities(1009, 503, 4, true);
  const IdLists by_item = transposed(lists, 503);
  const IdLists related = planted_facts(503, 401, 4);
  const LaneOrder order = order_into_lanes(lists, by_item, related, 4);

  std::vector<std::size_t> lane_of(904);
  std::vector<Index> others;
  Index total = 0, heaviest = 0, largest_node = 0, between = 0;
  const Index row_load = (lists.size() + related.size() / 2) / (1009 + 904);
  for (std::size_t l = 0; l < 4; ++l) {
    Index load = 0;
    const auto add = [&](Index degree) {
      load += degree + row_load;
      largest_node = std::max(largest_node, degree + row_load);
    };
    for (const Index u : order.users[l]) add(lists.degree(u));
    for (const Index i : order.items[l]) add(by_item.degree(i) + related.degree(i));
    for (const Index o : order.others[l]) add(related.degree(o));
    for (const Index i : order.items[l]) lane_of[static_cast<std::size_t>(i)] = l;
    for (const Index o : order.others[l]) lane_of[static_cast<std::size_t>(o)] = l;
    others.insert(others.end(), order.others[l].begin(), order.others[l].end());
    total += load;
    heaviest = std::max(heaviest, load);
    BOOST_TEST(std::ranges::is_sorted(order.others[l], std::greater<>(),
                                      [&](Index o) { return related.degree(o); }));
  }
  for (Index e = 0; e < 904; ++e) {
    for (const std::int32_t f : related[e]) {
      between +=
          lane_of[static_cast<std::size_t>(e)] != lane_of[static_cast<std::size_t>(f)] ? 1 : 0;
    }
  }

  std::ranges::sort(others);
  BOOST_TEST_REQUIRE(others.size() == 401U);
  for (Index o = 0; o < 401; ++o) BOOST_TEST(others[static_cast<std::size_t>(o)] == 503 + o);
  BOOST_TEST(static_cast<double>(heaviest) <=
             1.05 * static_cast<double>(total) / 4 + static_cast<double>(largest_node));
  // Dealt blindly, three in four would leave their lane.
  BOOST_TEST(static_cast<double>(between) / static_cast<double>(related.size()) < 0.35);
}

BOOST_AUTO_TEST_CASE(the_order_without_a_knowledge_graph_is_unchanged_for_runs_that_exist) {
  const IdLists lists = communities(211, 97, 4, true);
  const LaneOrder order = order_into_lanes(lists, transposed(lists, 97), {}, 3);

  BOOST_TEST(std::ranges::all_of(order.others, [](const auto& ids) { return ids.empty(); }));
  std::uint64_t hash = 0;
  for (const auto* kind : {&order.users, &order.items}) {
    for (const auto& ids : *kind) {
      for (const Index id : ids) hash = hash * 1000003 + static_cast<std::uint64_t>(id) + 1;
      hash = hash * 1000003;
    }
  }
  // Found by the program before it knew knowledge graphs: runs of that data must go on.
  BOOST_TEST(hash == 16969951548548524887U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

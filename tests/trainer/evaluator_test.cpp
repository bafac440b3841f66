// The evaluator against one that sorts all items of every user, on integer vectors, so that scores
// are exact and ties are everywhere. Equal bits for any ranks, block sizes and devices.
#include "trainer/evaluate/evaluator.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>

#include "comm/thread_communicator.h"
#include "kernels/check.h"
#include "tests/trainer/random_dataset.h"
#include "trainer/experiment.h"

namespace chorale {
namespace {

constexpr Index kColumns = 5;
const std::vector<Index> kKs = {1, 10, 20};

// Integers in [-3, 3]: scores are exact, and 45 * 2 + 1 different ones at most.
Real small_integer(Index node, Index column) {
  const RandomBits b = random_bits({Purpose::test, 5}, static_cast<std::uint64_t>(node),
                                   static_cast<std::uint64_t>(column));
  return static_cast<Real>(static_cast<int>(b.word[0] % 7) - 3);
}

// Item ids of one user, best first, by sorting everything.
std::vector<Index> sorted_items(const Dataset& dataset, Index user,
                                const std::set<Index>& left_out) {
  std::vector<std::pair<long, Index>> order;
  for (Index item = 0; item < dataset.items(); ++item) {
    long score = 0;
    for (Index j = 0; j < kColumns; ++j) {
      score += static_cast<long>(small_integer(user, j)) *
               static_cast<long>(small_integer(dataset.users() + item, j));
    }
    if (!left_out.contains(item)) order.emplace_back(-score, item);
  }
  std::sort(order.begin(), order.end());
  std::vector<Index> items;
  for (const auto& [score, item] : order) items.push_back(item);
  return items;
}

using Sums = std::vector<double>;

Sums tree_sum(const std::vector<Sums>& lanes, std::size_t first, std::size_t last) {
  if (last - first == 1) return lanes[first];
  const std::size_t middle = first + (last - first + 1) / 2;
  Sums left = tree_sum(lanes, first, middle);
  const Sums right = tree_sum(lanes, middle, last);
  for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  return left;
}

// What `evaluate` must return for the test split over so many lanes.
Evaluation brute_force(const RandomDataset& data, int lane_count) {
  const Dataset dataset = data.open();
  const Partition nodes = dataset.node_partition(make_lanes(lane_count, 1, 0));
  std::vector<Sums> lanes(static_cast<std::size_t>(lane_count), Sums(kKs.size() * kMetrics));
  Evaluation expected{.users = 0, .k_max = kKs.back(), .values = {}};
  for (Index row = 0; row < dataset.nodes(); ++row) {
    const Index user = dataset.node_of_row(row);
    if (user >= dataset.users() || data.test[static_cast<std::size_t>(user)].empty()) continue;
    const auto& truth = data.test[static_cast<std::size_t>(user)];
    const std::vector<Index> list =
        sorted_items(dataset, user, data.train[static_cast<std::size_t>(user)]);
    std::vector<std::uint8_t> hits(static_cast<std::size_t>(kKs.back()));
    for (std::size_t r = 0; r < hits.size() && r < list.size(); ++r)
      hits[r] = truth.contains(list[r]) ? 1 : 0;
    Sums metrics(kKs.size() * kMetrics);
    user_metrics(hits, static_cast<Index>(truth.size()), kKs, metrics);
    Sums& lane = lanes[static_cast<std::size_t>(nodes.lane_of(row))];
    for (std::size_t i = 0; i < lane.size(); ++i) lane[i] += metrics[i];
    ++expected.users;
  }
  const Sums total = tree_sum(lanes, 0, lanes.size());
  for (std::size_t i = 0; i < total.size(); ++i) {
    expected.values.push_back({static_cast<Metric>(i % kMetrics), kKs[i / kMetrics],
                               total[i] / static_cast<double>(expected.users)});
  }
  return expected;
}

struct Setting {
  int ranks = 1;
  int lanes = 12;
  Index users_per_block = 1024;
  DeviceOptions device = {.kind = DeviceKind::reference};
  NodeValue value = small_integer;
};

// Runs `body(evaluator, vectors, rank)` on every rank.
void on_ranks(const RandomDataset& data, const Setting& s,
              const std::function<void(Evaluator&, ConstView, std::size_t)>& body) {
  run_thread_ranks(s.ranks, [&](Communicator& comm) {
    const auto device = make_device(s.device);
    const Dataset dataset = data.open();
    const Partition nodes = dataset.node_partition(make_lanes(s.lanes, comm.size(), comm.rank()));
    const Array<Real> vectors = local_vectors(*device, dataset, nodes, kColumns, s.value);
    Evaluator evaluator(*device, comm, dataset, nodes,
                        {.ks = kKs, .users_per_block = s.users_per_block});
    body(evaluator, {vectors.data(), nodes.local_rows(), kColumns},
         static_cast<std::size_t>(comm.rank()));
  });
}

// The evaluation of each rank.
std::vector<Evaluation> evaluate_on(const RandomDataset& data, const Setting& s) {
  std::vector<Evaluation> results(static_cast<std::size_t>(s.ranks));
  on_ranks(data, s, [&](Evaluator& evaluator, ConstView vectors, std::size_t rank) {
    results[rank] = evaluator.evaluate(vectors, Split::test);
  });
  return results;
}

void check_equal(const Evaluation& found, const Evaluation& expected) {
  BOOST_TEST(found.users == expected.users);
  BOOST_TEST(found.k_max == expected.k_max);
  BOOST_REQUIRE(found.values.size() == expected.values.size());
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    const MetricValue &f = found.values[i], &e = expected.values[i];
    BOOST_TEST((f.metric == e.metric && f.k == e.k));
    BOOST_TEST(f.value == e.value, name(f.metric)
                                       << "@" << f.k << " is " << f.value << ", not " << e.value);
  }
}

BOOST_AUTO_TEST_SUITE(evaluator)

BOOST_AUTO_TEST_CASE(metrics_equal_brute_force_on_any_ranks_and_blocks) {
  const RandomDataset data(83, 61, 12);
  const Evaluation expected = brute_force(data, 12);

  for (const int ranks : {1, 2, 3, 4}) {
    for (const Index block : {Index{1}, Index{7}, Index{1024}}) {
      for (const Evaluation& found :
           evaluate_on(data, {.ranks = ranks, .users_per_block = block})) {
        check_equal(found, expected);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(metrics_are_the_same_bits_on_the_fast_device) {
  const RandomDataset data(83, 61, 12);
  const Evaluation expected = brute_force(data, 12);

  for (const int threads : {1, 3}) {
    const Setting s{
        .ranks = 2, .users_per_block = 7, .device = {.kind = DeviceKind::cpu, .threads = threads}};
    check_equal(evaluate_on(data, s).front(), expected);
  }
}

BOOST_AUTO_TEST_CASE(one_lane_per_rank_gives_the_same_lists) {
  const RandomDataset data(83, 61, 12);
  const Evaluation expected = brute_force(data, 3);

  const Evaluation found = evaluate_on(data, {.ranks = 3, .lanes = 0}).front();

  check_equal(found, expected);
}

BOOST_AUTO_TEST_CASE(items_of_more_than_one_block_are_all_ranked) {
  const RandomDataset data(23, 9001, 5, 0.004);
  const Evaluation expected = brute_force(data, 5);

  check_equal(evaluate_on(data, {.ranks = 1, .lanes = 5}).front(), expected);
  check_equal(evaluate_on(data, {.ranks = 2, .lanes = 5, .users_per_block = 7}).front(), expected);
}

BOOST_AUTO_TEST_CASE(list_longer_than_the_catalogue_is_padded_without_hits) {
  const RandomDataset data(29, 13, 4);

  check_equal(evaluate_on(data, {.ranks = 2, .lanes = 4}).front(), brute_force(data, 4));
}

BOOST_AUTO_TEST_CASE(users_without_ground_truth_are_not_counted) {
  const RandomDataset data(83, 61, 12);
  const auto judged =
      std::count_if(data.test.begin(), data.test.end(), [](const auto& t) { return !t.empty(); });

  const Evaluation found = evaluate_on(data, {.ranks = 2}).front();

  BOOST_TEST(found.users == judged);
  BOOST_TEST(judged < 83);
}

BOOST_AUTO_TEST_CASE(entities_that_are_no_items_are_never_ranked) {
  const RandomDataset data(83, 61, 12, 0.1, 37);
  const Evaluation expected = brute_force(data, 12);
  const auto others_score_best = [](Index node, Index column) {
    return node < 83 + 61 ? small_integer(node, column) : Real{1000};
  };

  for (const int ranks : {1, 3}) {
    const Setting s{.ranks = ranks, .users_per_block = 7, .value = others_score_best};
    check_equal(evaluate_on(data, s).front(), expected);
  }
}

BOOST_AUTO_TEST_CASE(popularity_is_the_degree_of_items_and_nothing_for_other_entities) {
  const RandomDataset data(83, 61, 12, 0.1, 37);
  const Dataset dataset = data.open();

  const std::vector<Real> vectors = popularity_vectors(dataset, dataset.node_partition({12, 1, 0}));

  BOOST_REQUIRE(vectors.size() == 83u + 61 + 37);
  const auto of_row = [&](Index row) { return vectors[static_cast<std::size_t>(row)]; };
  BOOST_TEST(of_row(dataset.row_of_user(5)) == Real{1});
  for (Index e = 0; e < dataset.entities(); ++e) {
    const Real degree = e < 61 ? static_cast<Real>(dataset.users_of(e).size()) : Real{0};
    BOOST_TEST(of_row(dataset.row_of_entity(e)) == degree);
  }
}

BOOST_AUTO_TEST_CASE(recommendations_are_the_sorted_items_on_every_rank) {
  const RandomDataset data(83, 61, 12);
  const Dataset dataset = data.open();
  const std::vector<Index> users = {82, 0, 7, 41, 7, 13};
  for (const bool exclude_seen : {true, false}) {
    for (const Index k : {Index{10}, Index{100}}) {
      std::vector<std::vector<std::vector<Recommendation>>> of_rank(3);
      on_ranks(data, {.ranks = 3, .users_per_block = 2},
               [&](Evaluator& e, ConstView vectors, std::size_t rank) {
                 of_rank[rank] = e.recommend(vectors, users, k, exclude_seen);
               });

      for (const auto& lists : of_rank) {
        BOOST_REQUIRE(lists.size() == users.size());
        for (std::size_t i = 0; i < users.size(); ++i) {
          const auto user = static_cast<std::size_t>(users[i]);
          std::vector<Index> expected =
              sorted_items(dataset, users[i], exclude_seen ? data.train[user] : std::set<Index>{});
          expected.resize(std::min(expected.size(), static_cast<std::size_t>(k)));
          std::vector<Index> found;
          for (const Recommendation& r : lists[i]) found.push_back(r.item);
          BOOST_TEST(found == expected, boost::test_tools::per_element());
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(score_that_is_not_a_number_is_an_error_on_all_ranks) {
  const RandomDataset data(83, 61, 12);
  Setting s{.ranks = 3};
  s.value = [](Index node, Index column) {
    return node == 83 + 17 ? std::numeric_limits<Real>::quiet_NaN() : small_integer(node, column);
  };
  std::vector<Exit> codes(3, Exit::finished);

  on_ranks(data, s, [&](Evaluator& evaluator, ConstView vectors, std::size_t rank) {
    try {
      evaluator.evaluate(vectors, Split::test);
    } catch (const Error& e) {
      codes[rank] = e.code();
    }
  });

  for (const Exit code : codes) BOOST_TEST((code == Exit::non_finite));
}

BOOST_AUTO_TEST_CASE(empty_split_is_a_data_error) {
  const RandomDataset data(23, 17, 3);

  on_ranks(data, {.lanes = 3}, [](Evaluator& evaluator, ConstView vectors, std::size_t) {
    BOOST_CHECK_EXCEPTION(evaluator.evaluate(vectors, Split::validation), Error,
                          [](const Error& e) { return e.code() == Exit::data; });
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

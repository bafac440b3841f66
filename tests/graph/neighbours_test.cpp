// The nearest rows by cosine: ties, zeros and blocks, the same lists on any ranks.
#include "graph/neighbours.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "comm/self_communicator.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

NeighbourLists search(Communicator& comm, const std::vector<float>& values, Index cols, Index k,
                      const std::vector<Index>& ids) {
  RankWorld w;
  const auto n = static_cast<Index>(ids.size());
  const Partition part = Partition::uniform(n, {8, comm.size(), comm.rank()});
  return cosine_neighbours(
      *w.device, comm, part, ids,
      {.side = Features::Side::item, .rows = n, .cols = cols, .values = values}, k);
}

std::vector<LocalIndex> of(const NeighbourLists& lists, Index row) {
  return {lists.of(row).begin(), lists.of(row).end()};
}

std::vector<Index> counting(Index n) {
  std::vector<Index> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), Index{0});
  return ids;
}

double cosine(const std::vector<float>& values, Index cols, Index a, Index b) {
  double ab = 0, aa = 0, bb = 0;
  for (Index j = 0; j < cols; ++j) {
    const double x = values[static_cast<std::size_t>(a * cols + j)];
    const double y = values[static_cast<std::size_t>(b * cols + j)];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(neighbours)

BOOST_AUTO_TEST_CASE(nearest_rows_come_first_and_itself_is_one) {
  const auto comm = make_self_communicator();

  const auto lists = search(*comm, {3, 0, 4, 3, 0, 2, 1, 1}, 2, 2, counting(4));

  BOOST_TEST(of(lists, 0) == (std::vector<LocalIndex>{0, 1}), boost::test_tools::per_element());
  BOOST_TEST(of(lists, 1) == (std::vector<LocalIndex>{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(of(lists, 2) == (std::vector<LocalIndex>{2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(equal_cosines_stand_by_ascending_id) {
  const auto comm = make_self_communicator();
  // Ids 0, 1 and 2 point one way, id 3 another; rows are the ids backwards.
  const std::vector<float> values{2, 0, 8, 0, 1, 0, 0, 1};

  const auto lists = search(*comm, values, 2, 3, {3, 2, 1, 0});

  BOOST_TEST(of(lists, 2) == (std::vector<LocalIndex>{3, 2, 1}), boost::test_tools::per_element());
  BOOST_TEST(of(lists, 0) == (std::vector<LocalIndex>{0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_cosines_above_zero_count_and_a_row_of_zeros_has_only_itself) {
  const auto comm = make_self_communicator();

  const auto lists = search(*comm, {1, 0, -1, 0, 0, 0, 1, 1}, 2, 3, counting(4));

  BOOST_TEST(of(lists, 0) == (std::vector<LocalIndex>{0, 3}), boost::test_tools::per_element());
  BOOST_TEST(of(lists, 1) == (std::vector<LocalIndex>{1}), boost::test_tools::per_element());
  BOOST_TEST(of(lists, 2) == (std::vector<LocalIndex>{2}), boost::test_tools::per_element());
  BOOST_TEST(of(lists, 3) == (std::vector<LocalIndex>{3, 0}), boost::test_tools::per_element());
}

// 9001 columns leave 29 rows a block of the others, so 101 rows come in four blocks.
BOOST_AUTO_TEST_CASE(lists_are_exact_and_the_same_on_any_ranks) {
  constexpr Index n = 101, cols = 9001, k = 6;
  std::vector<float> values(n * cols);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(test_real(41, static_cast<Index>(i), 0)) +
                (static_cast<Index>(i) / cols % 7 == static_cast<Index>(i) % 7 ? 1.0F : 0.0F);
  }
  std::vector<LocalIndex> alone;
  for (const int ranks : {1, 2, 3, 8}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      const auto lists = search(comm, values, cols, k, counting(n));
      if (comm.size() == 1) alone = lists.rows;
      require(lists.rows == alone && lists.size() == n, "lists differ");
    });
    BOOST_TEST(true);
  }
  for (Index i = 0; i < n; ++i) {
    std::vector<Index> order = counting(n);
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
      return cosine(values, cols, i, a) > cosine(values, cols, i, b);
    });
    for (Index j = 0; j < k; ++j) {
      BOOST_TEST(alone[static_cast<std::size_t>(i * k + j)] == order[static_cast<std::size_t>(j)]);
    }
  }
}

BOOST_AUTO_TEST_CASE(features_that_are_not_finite_are_an_error) {
  const auto comm = make_self_communicator();
  const float nan = std::numeric_limits<float>::quiet_NaN();

  BOOST_CHECK_EXCEPTION(search(*comm, {1, 0, nan, 1}, 2, 1, counting(2)), Error,
                        [](const Error& e) { return e.code() == Exit::data; });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

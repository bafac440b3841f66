// Initial values: their distributions, and that they depend on seed, table, node and column alone.
#include "embedding/initializers.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <map>
#include <mutex>

#include "comm/thread_communicator.h"
#include "tests/embedding/helpers.h"

namespace chorale::test {
namespace {

constexpr Index kNodes = 4001, kCols = 16;
constexpr double kDraws = static_cast<double>(kNodes * kCols);

struct Moments {
  double mean = 0, variance = 0, largest = 0;
};

Moments moments(const Initializer& initial) {
  Moments m;
  double squares = 0;
  for (Index i = 0; i < kNodes; ++i) {
    for (Index j = 0; j < kCols; ++j) {
      const double x = initial(i, j);
      m.mean += x / kDraws;
      squares += x * x / kDraws;
      m.largest = std::max(m.largest, std::abs(x));
    }
  }
  m.variance = squares - m.mean * m.mean;
  return m;
}

// Every node's row as the ranks hold it, for nodes dealt to rows in the order that `order` gives.
std::map<Index, std::vector<Real>> rows_by_node(int ranks, int lanes, Index stride) {
  constexpr Index n = 101, d = 3;
  std::map<Index, std::vector<Real>> found;
  std::mutex guard;
  run_thread_ranks(ranks, [&](Communicator& comm) {
    const auto device = make_device({});
    const Partition p = Partition::uniform(n, make_lanes(lanes, comm.size(), comm.rank()));
    std::vector<Index> nodes;
    for (Index row = p.first(); row < p.last(); ++row) nodes.push_back(row * stride % n);
    const Table table(*device, "t", p, d, nodes, normal_values(5, "t", 0.1));
    const std::vector<Real> values = host(*device, table.values());
    const std::lock_guard<std::mutex> lock(guard);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      found[nodes[i]].assign(values.begin() + static_cast<std::ptrdiff_t>(i) * d,
                             values.begin() + static_cast<std::ptrdiff_t>(i + 1) * d);
    }
  });
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(initializers)

BOOST_AUTO_TEST_CASE(normal_values_have_the_mean_and_variance_asked_for) {
  const double stddev = 0.1;

  const Moments m = moments(normal_values(1, "t", stddev));

  // 5 sigma: the mean has deviation s / sqrt(n), the variance of a normal s^2 sqrt(2 / n).
  BOOST_TEST(std::abs(m.mean) < 5 * stddev / std::sqrt(kDraws));
  BOOST_TEST(std::abs(m.variance - stddev * stddev) < 5 * stddev * stddev * std::sqrt(2 / kDraws));
  BOOST_TEST(m.largest > 3 * stddev);
}

BOOST_AUTO_TEST_CASE(xavier_values_are_uniform_within_their_bound) {
  const double s = std::sqrt(6.0 / (4001 + 16));

  const Moments m = moments(xavier_uniform_values(1, "t", 4001, 16));

  BOOST_TEST(m.largest <= static_cast<double>(static_cast<Real>(s)));
  BOOST_TEST(m.largest > 0.999 * s);
  // 5 sigma: U(-s, s) has variance s^2 / 3 and fourth moment s^4 / 5, so s^2 deviates by s^2 sqrt(4
  // / 45 n).
  BOOST_TEST(std::abs(m.mean) < 5 * s / std::sqrt(3 * kDraws));
  BOOST_TEST(std::abs(m.variance - s * s / 3) < 5 * s * s * std::sqrt(4.0 / 45 / kDraws));
}

BOOST_AUTO_TEST_CASE(values_do_not_depend_on_ranks_lanes_or_the_order_of_rows) {
  const auto alone = rows_by_node(1, 1, 1);

  BOOST_TEST(alone.size() == 101u);
  BOOST_TEST((rows_by_node(3, 3, 1) == alone));
  BOOST_TEST((rows_by_node(3, 7, 1) == alone));
  BOOST_TEST((rows_by_node(2, 5, 30) == alone));  // 30 and 101 are coprime: a permutation
}

BOOST_AUTO_TEST_CASE(seed_table_node_and_column_all_matter) {
  const Initializer a = normal_values(1, "users", 1);

  BOOST_TEST(a(3, 4) == normal_values(1, "users", 1)(3, 4));
  BOOST_TEST(a(3, 4) != normal_values(2, "users", 1)(3, 4));
  BOOST_TEST(a(3, 4) != normal_values(1, "items", 1)(3, 4));
  BOOST_TEST(a(3, 4) != a(4, 3));
  BOOST_TEST(a(3, 4) != a(3, 5));
  BOOST_TEST(a(3, 4) != a(4, 4));
}

BOOST_AUTO_TEST_CASE(seeds_and_tables_do_not_alias) {
  // If the hash of the name were added to the seed, moving one by what the other moved would meet
  // again.
  const auto first = [](std::uint64_t seed, std::string_view table) {
    return xavier_uniform_values(seed, table, 3, 3)(0, 0);
  };
  std::map<Real, int> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const char* table : {"a", "b", "a.ego", "b.ego", "w1", "w2"}) ++seen[first(seed, table)];
  }

  BOOST_TEST(seen.size() == 120u);
}

BOOST_AUTO_TEST_CASE(values_are_the_ones_that_earlier_versions_gave) {
  // Pinned: results are promised to stay the same between versions. A uniform value needs no libm.
  const Initializer initial = xavier_uniform_values(2024, "lightgcn.ego", 3, 3);  // U(-1, 1)

  BOOST_TEST(std::lround(initial(0, 0) * 1e6) == -274950);
  BOOST_TEST(std::lround(initial(12345678901, 63) * 1e6) == -259359);
}

BOOST_AUTO_TEST_CASE(users_and_items_may_begin_differently) {
  const Initializer initial = by_side(10, constant_values(2), constant_values(-3));

  BOOST_TEST(initial(9, 0) == 2);
  BOOST_TEST(initial(10, 0) == -3);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

// The generator of large data: the same bytes on any threads, a folder that verifies, degrees of
// the promised shape.
#include "graph/io/power_law.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>

#include "graph/io/dataset.h"
#include "graph/io/inspect.h"
#include "kernels/check.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

const PowerLawOptions kSmall = {
    .users = 40'009, .items = 10'007, .interactions = 800'000, .test_users = 101, .lanes = 16};

// Their share of the mean at this share of the users or items.
double quantile(std::vector<Index> degrees, double share) {
  std::ranges::sort(degrees);
  const double mean =
      static_cast<double>(std::accumulate(degrees.begin(), degrees.end(), Index{0})) /
      static_cast<double>(degrees.size());
  const auto place = static_cast<std::size_t>(share * static_cast<double>(degrees.size()));
  return static_cast<double>(degrees[place]) / mean;
}

std::string digest(const PowerLawOptions& options) {
  const TemporaryFolder folder;
  write_power_law(options, folder / "out");
  return Dataset::open(folder / "out", 2).digest();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(power_law)

BOOST_AUTO_TEST_CASE(bytes_depend_on_the_options_and_not_on_threads) {
  PowerLawOptions options = kSmall;
  options.users = 5003;
  options.interactions = 100'000;
  const std::string alone = digest(options);
  options.threads = 3;
  BOOST_TEST(digest(options) == alone);
  options.seed = 2;
  BOOST_TEST(digest(options) != alone);
}

BOOST_AUTO_TEST_CASE(the_folder_holds_what_was_asked_for) {
  const TemporaryFolder folder;
  const PrepareReport report = write_power_law(kSmall, folder / "out");
  const Dataset d = Dataset::open(folder / "out");

  BOOST_TEST(d.users() == kSmall.users);
  BOOST_TEST(d.items() == kSmall.items);
  BOOST_TEST(d.stored_lanes() == kSmall.lanes);
  BOOST_TEST(d.interactions(Split::train) == report.train);
  // The degrees of 40,009 users have a standard deviation of twice their mean, or less: 1 % is that
  // of the sum.
  BOOST_TEST(
      static_cast<double>(report.train + report.test) == static_cast<double>(kSmall.interactions),
      boost::test_tools::tolerance(0.03));
  Index tested = 0;
  for (Index u = 0; u < d.users(); ++u) {
    const auto train = d.items_of(Split::train, u), test = d.items_of(Split::test, u);
    BOOST_REQUIRE(!train.empty());
    if (test.empty()) continue;
    ++tested;
    for (const std::int32_t item : test) {
      BOOST_TEST(!std::ranges::binary_search(train, item));
    }
  }
  BOOST_TEST(tested == kSmall.test_users);
  BOOST_TEST(d.item_name(7) == "7");
  BOOST_TEST(describe(d).find("lanes: 16") != std::string::npos);
}

// Gowalla has 0.59, 6.8 and 30 times the mean for users, 0.61 and 7.0 for items.
BOOST_AUTO_TEST_CASE(degrees_fall_as_those_of_gowalla) {
  const TemporaryFolder folder;
  write_power_law(kSmall, folder / "out");
  const Dataset d = Dataset::open(folder / "out");
  std::vector<Index> of_users, of_items;
  for (Index u = 0; u < d.users(); ++u) {
    of_users.push_back(static_cast<Index>(d.items_of(Split::train, u).size()));
  }
  for (Index i = 0; i < d.items(); ++i) {
    of_items.push_back(static_cast<Index>(d.users_of(i).size()));
  }

  BOOST_TEST(quantile(of_users, 0.5) > 0.5);
  BOOST_TEST(quantile(of_users, 0.5) < 0.7);
  BOOST_TEST(quantile(of_users, 0.99) > 5.5);
  BOOST_TEST(quantile(of_users, 0.99) < 8.5);
  BOOST_TEST(*std::ranges::max_element(of_users) <= 64 * 20);
  BOOST_TEST(quantile(of_items, 0.5) > 0.5);
  BOOST_TEST(quantile(of_items, 0.5) < 0.7);
  BOOST_TEST(quantile(of_items, 0.99) > 5.5);
  BOOST_TEST(quantile(of_items, 0.99) < 8.5);
}

// Loads are degree plus half the mean degree; the lanes of greatest and least load.
BOOST_AUTO_TEST_CASE(lanes_are_balanced) {
  const TemporaryFolder folder;
  write_power_law(kSmall, folder / "out");
  const Dataset d = Dataset::open(folder / "out");
  const Partition nodes = d.node_partition(make_lanes(16, 1, 0));
  std::vector<double> loads(16, 0);
  for (Index row = 0; row < nodes.rows(); ++row) {
    const Index node = d.node_of_row(row);
    const auto degree = d.is_user(node) ? d.items_of(Split::train, node).size()
                                        : d.users_of(node - d.users()).size();
    loads[static_cast<std::size_t>(nodes.lane_of(row))] += static_cast<double>(degree) + 16;
  }

  BOOST_TEST(*std::ranges::max_element(loads) < 1.2 * *std::ranges::min_element(loads));
}

BOOST_AUTO_TEST_CASE(impossible_sizes_are_refused) {
  const TemporaryFolder folder;
  const auto refused = [&](auto change) {
    PowerLawOptions options = kSmall;
    change(options);
    BOOST_CHECK_THROW(write_power_law(options, folder / "out"), Error);
  };
  refused([](PowerLawOptions& o) { o.interactions = 3 * o.users; });
  refused([](PowerLawOptions& o) { o.items = 60; });
  refused([](PowerLawOptions& o) { o.users = Index{1} << 31; });
  refused([](PowerLawOptions& o) { o.lanes = 0; });
}

BOOST_AUTO_TEST_CASE(threads_transpose_as_one_does) {
  IdLists lists;
  for (Index row = 0; row < 997; ++row) {
    for (Index c = row % 7; c < 211; c += 1 + (row * row) % 13 + c % 5) {
      lists.values.push_back(static_cast<std::int32_t>(c));
    }
    lists.begin.push_back(lists.size());
  }
  const IdLists alone = transposed(lists, 211, 1);
  for (const int threads : {2, 3, 5}) {
    const IdLists together = transposed(lists, 211, threads);
    BOOST_TEST(together.begin == alone.begin);
    BOOST_TEST(together.values == alone.values);
  }
  BOOST_TEST(alone.size() == lists.size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

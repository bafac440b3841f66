// Hold-outs for test and validation and the split by cold items: what is taken, from where, and
// that nothing but seed and ids decides.
#include "graph/io/split.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <set>
#include <utility>

#include "graph/io/generators.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(split)

using Pairs = std::set<std::pair<Index, Index>>;

Pairs pairs(const IdLists& lists) {
  Pairs result;
  for (Index u = 0; u < lists.rows(); ++u) {
    for (const Index i : lists[u]) result.emplace(u, i);
  }
  return result;
}

std::set<Index> items(const IdLists& lists) { return {lists.values.begin(), lists.values.end()}; }

Pairs joined(const Splits& s) {
  Pairs all = pairs(s.train);
  all.merge(pairs(s.validation));
  all.merge(pairs(s.test));
  return all;
}

// 101 users and 67 items with communities; every user has train and test items.
struct Planted {
  TemporaryFolder folder;
  RawData raw;
  PrepareOptions options;
  std::vector<ReportLine> report;

  Planted() {
    write_planted_communities({.users = 101, .items = 67, .communities = 5, .items_per_user = 9},
                              folder.path());
    raw = find_reader("lightgcn").read(folder.path());
    options.source = folder.path();
  }
  void forget_test() { raw.test = {}; }
  Splits make() { return make_splits(options, raw, report); }
};

BOOST_FIXTURE_TEST_CASE(the_test_is_held_out_first_and_validation_of_what_remains, Planted) {
  forget_test();
  options.test = 0.2;
  options.validation = 0.25;
  const Splits s = make();

  const Splits all = [&] {
    options.test = options.validation = 0;
    return make();
  }();
  BOOST_TEST((joined(s) == pairs(all.train)));
  BOOST_TEST(s.train.size() + s.validation.size() + s.test.size() == all.train.size());
  for (Index u = 0; u < 101; ++u) {
    const Index n = all.train.degree(u);
    const auto share = [](double of, Index count) {
      return std::clamp<Index>(static_cast<Index>(of * static_cast<double>(count) + 0.5), 1,
                               count - 1);
    };
    BOOST_REQUIRE(n >= 3);
    BOOST_TEST(s.test.degree(u) == share(0.2, n));
    BOOST_TEST(s.validation.degree(u) == share(0.25, n - s.test.degree(u)));
  }
}

BOOST_FIXTURE_TEST_CASE(a_test_split_that_is_given_is_not_held_out_again, Planted) {
  options.test = 0.2;

  const Error error = error_of([&] { make(); });

  BOOST_TEST((error.code() == Exit::usage));
  BOOST_TEST(says(error, "the source has a test split, so none can be held out"));
}

BOOST_FIXTURE_TEST_CASE(a_hold_out_does_not_depend_on_the_order_of_the_source, Planted) {
  forget_test();
  options.test = 0.2;
  const Splits before = make();
  std::reverse(raw.train.users.begin(), raw.train.users.end());
  std::reverse(raw.train.items.begin(), raw.train.items.end());

  const Splits after = make();

  BOOST_TEST((pairs(before.test) == pairs(after.test)));
  options.seed = 1;
  BOOST_TEST((pairs(before.test) != pairs(make().test)));
}

BOOST_FIXTURE_TEST_CASE(cold_items_leave_training_altogether, Planted) {
  const Splits given = make();
  options.cold_items = 0.2;

  const Splits s = make();

  // 67 items, all with interactions: round(13.4) are cold, 6 for validation, 7 for the test.
  const std::set<Index> train = items(s.train), validation = items(s.validation),
                        test = items(s.test);
  BOOST_TEST(validation.size() == 6u);
  BOOST_TEST(test.size() == 7u);
  BOOST_TEST(train.size() == 54u);
  std::set<Index> all = train;
  all.insert(validation.begin(), validation.end());
  all.insert(test.begin(), test.end());
  BOOST_TEST(all.size() == 67u);  // disjoint
  BOOST_TEST((joined(s) == joined(given)));
  BOOST_TEST(s.train.rows() == 101);
}

BOOST_AUTO_TEST_CASE(cold_items_depend_on_seed_and_item_alone) {
  IdLists lists;  // users 0 .. 9 all have items 0 .. 9
  for (int u = 0; u < 10; ++u) {
    for (std::int32_t i = 0; i < 10; ++i) lists.values.push_back(i);
    lists.begin.push_back(lists.size());
  }
  IdLists one;
  one.values.assign(lists.values.begin(), lists.values.begin() + 10);
  one.begin.push_back(10);

  const Splits many = cold_start(lists, 10, 0.35, 7), few = cold_start(one, 10, 0.35, 7);

  BOOST_TEST(items(many.validation).size() == 2u);  // the example of the header
  BOOST_TEST(items(many.test).size() == 2u);
  BOOST_TEST((items(many.validation) == items(few.validation)));
  BOOST_TEST((items(many.test) == items(few.test)));
  BOOST_TEST((items(many.train) != items(cold_start(lists, 10, 0.35, 8).train)));
  // Items that nobody has are not chosen: the same items, though there are more ids.
  BOOST_TEST((items(cold_start(one, 1000, 0.35, 7).test) == items(few.test)));
}

BOOST_AUTO_TEST_CASE(too_few_or_too_many_cold_items_are_a_usage_error) {
  IdLists one;
  one.values = {0, 1, 2};
  one.begin.push_back(3);

  for (const double share : {0.1, 0.4, 0.99}) {
    const Error error = error_of([&] { cold_start(one, 3, share, 7); });
    BOOST_TEST((error.code() == Exit::usage));
    BOOST_TEST(says(error, "of 3 items are"));
  }
  BOOST_TEST(cold_start(one, 3, 0.7, 7).train.size() == 1);
}

BOOST_FIXTURE_TEST_CASE(shares_are_shares_and_cold_items_exclude_other_hold_outs, Planted) {
  const auto complaint = [](double validation, double test, double cold) {
    PrepareOptions o;
    o.validation = validation;
    o.test = test;
    o.cold_items = cold;
    const Error error = error_of([&] { check_split_options(o); });
    BOOST_TEST((error.code() == Exit::usage));
    return std::string(error.what());
  };

  BOOST_TEST(complaint(0, 1, 0) == "found a test share of 1, expected at least 0 and less than 1");
  BOOST_TEST(complaint(0, 0, -0.5) ==
             "found a cold-item share of -0.5, expected at least 0 and less than 1");
  for (const auto& [validation, test] : {std::pair{0.1, 0.0}, std::pair{0.0, 0.1}}) {
    BOOST_TEST(complaint(validation, test, 0.2) ==
               "found --cold-items together with another hold-out");
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

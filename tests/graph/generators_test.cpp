// Planted communities: equal options give equal bytes, and what was planted is there.
#include "graph/io/generators.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <vector>

#include "graph/io/npy.h"
#include "graph/io/reader.h"
#include "tests/support/temporary_folder.h"

namespace chorale {
namespace {

BOOST_AUTO_TEST_SUITE(generators)

const PlantedOptions kSmall = {
    .users = 211, .items = 307, .communities = 7, .items_per_user = 12, .test = 0.25, .seed = 3};

BOOST_AUTO_TEST_CASE(equal_options_write_equal_bytes_and_another_seed_does_not) {
  const TemporaryFolder folder;
  PlantedOptions other = kSmall;
  other.seed = 4;

  write_planted_communities(kSmall, folder / "a");
  write_planted_communities(kSmall, folder / "b");
  write_planted_communities(other, folder / "c");

  for (const char* name : {"train.txt", "test.txt", "user_list.txt", "item_list.txt"}) {
    BOOST_TEST(read_text(folder / "a" / name) == read_text(folder / "b" / name));
  }
  BOOST_TEST(read_text(folder / "a/train.txt") != read_text(folder / "c/train.txt"));
}

// What is told of an item is right with probability 0.9 + 0.1 / 7, so genre and maker agree for
// 0.84 of the items; of 307, the standard deviation of that share is 0.021.
BOOST_AUTO_TEST_CASE(most_facts_and_features_tell_the_community_of_an_item) {
  const TemporaryFolder folder;
  PlantedOptions options = kSmall;
  options.knowledge = true;
  options.features = 16;

  write_planted_communities(options, folder.path());

  const RawData data = find_reader("kgat").read(folder.path());
  const NpyArray features = read_npy(folder / "item_features.npy");
  BOOST_TEST(data.report.empty());
  BOOST_TEST_REQUIRE(data.knowledge.has_value());
  const std::vector<Fact>& facts = data.knowledge->facts;
  BOOST_TEST(data.knowledge->other_names.size() == 3u * 7);
  BOOST_TEST(data.knowledge->relation_names.size() == 3u);
  BOOST_TEST(facts.size() == 2u * 307 + 14);
  BOOST_TEST(features.rows == 307);
  BOOST_TEST(features.cols == 16);
  std::map<std::int32_t, std::int32_t> genre_of, maker_of;
  for (const Fact& f : facts) (f.relation == 1 ? maker_of : genre_of)[f.head] = f.tail;
  Index agree = 0;
  for (std::int32_t i = 0; i < 307; ++i) agree += genre_of[maker_of[i]] == genre_of[i] ? 1 : 0;
  BOOST_TEST(agree > 307 * 0.74);
  BOOST_TEST(agree < 307 * 0.93);
}

BOOST_AUTO_TEST_CASE(the_reader_finds_nothing_odd_and_every_id) {
  const TemporaryFolder folder;
  write_planted_communities(kSmall, folder.path());

  const RawData data = find_reader("lightgcn").read(folder.path());

  BOOST_TEST(data.report.empty());
  BOOST_TEST(data.user_names.size() == 211u);
  BOOST_TEST(data.item_names.size() == 307u);
  BOOST_TEST(data.user_names[42] == "user-00042");
  BOOST_TEST(data.item_names[17] == "item-00017");
}

BOOST_AUTO_TEST_CASE(every_user_has_distinct_items_in_both_splits) {
  const TemporaryFolder folder;
  write_planted_communities(kSmall, folder.path());
  const RawData data = find_reader("lightgcn").read(folder.path());
  std::vector<std::set<Index>> seen(211);
  std::vector<Index> tests(211, 0);

  for (std::size_t i = 0; i < data.train.users.size(); ++i) {
    const auto u = static_cast<std::size_t>(data.train.users[i]);
    BOOST_TEST(seen[u].insert(data.train.items[i]).second);
  }
  for (std::size_t i = 0; i < data.test.users.size(); ++i) {
    const auto u = static_cast<std::size_t>(data.test.users[i]);
    BOOST_TEST(seen[u].insert(data.test.items[i]).second);
    ++tests[u];
  }

  double total = 0;
  for (std::size_t u = 0; u < 211; ++u) {
    const auto n = static_cast<Index>(seen[u].size());
    BOOST_TEST(n >= 4);
    BOOST_TEST(tests[u] == static_cast<Index>(0.25 * static_cast<double>(n) + 0.5));
    total += static_cast<double>(n);
  }
  // The mean of 211 heavy-tailed numbers around 12; the seed is fixed, so this is no matter of
  // luck.
  BOOST_TEST(total / 211 > 9);
  BOOST_TEST(total / 211 < 16);
}

// How many of the pairs (two items of one user) are repeated by another user: communities make that
// likely.
double overlap(const PlantedOptions& options) {
  const TemporaryFolder folder;
  write_planted_communities(options, folder.path());
  const RawData data = find_reader("lightgcn").read(folder.path());
  std::vector<std::vector<Index>> users(data.user_names.size());
  for (std::size_t i = 0; i < data.train.users.size(); ++i) {
    users[static_cast<std::size_t>(data.train.users[i])].push_back(data.train.items[i]);
  }
  std::set<std::pair<Index, Index>> seen;
  double repeated = 0, all = 0;
  for (std::vector<Index>& items : users) {
    std::sort(items.begin(), items.end());
    for (std::size_t a = 0; a < items.size(); ++a) {
      for (std::size_t b = a + 1; b < items.size(); ++b, ++all) {
        repeated += seen.insert({items[a], items[b]}).second ? 0 : 1;
      }
    }
  }
  return repeated / all;
}

BOOST_AUTO_TEST_CASE(users_of_a_community_share_items) {
  PlantedOptions mixed = kSmall;
  mixed.own_community = 0;

  const double planted = overlap(kSmall), unplanted = overlap(mixed);

  BOOST_TEST(planted > 1.5 * unplanted);
}

BOOST_AUTO_TEST_CASE(a_community_smaller_than_a_users_list_is_no_endless_loop) {
  const TemporaryFolder folder;
  const PlantedOptions tight = {.users = 5,
                                .items = 16,
                                .communities = 4,
                                .items_per_user = 8,
                                .own_community = 1,
                                .test = 0};

  write_planted_communities(tight, folder.path());
  const RawData data = find_reader("lightgcn").read(folder.path());

  BOOST_TEST(data.train.users.size() >= 20u);
  BOOST_TEST(data.test.users.empty());
}

BOOST_AUTO_TEST_CASE(impossible_options_are_a_usage_error) {
  const TemporaryFolder folder;
  for (const PlantedOptions& bad :
       {PlantedOptions{.users = 0}, PlantedOptions{.items = 3}, PlantedOptions{.communities = 0},
        PlantedOptions{.communities = 5000}, PlantedOptions{.items_per_user = 3},
        PlantedOptions{.items_per_user = 1000}, PlantedOptions{.own_community = 1.5},
        PlantedOptions{.test = 1}}) {
    const Error error = error_of([&] { write_planted_communities(bad, folder / "a"); });
    BOOST_TEST((error.code() == Exit::usage));
  }
  BOOST_TEST(!std::filesystem::exists(folder / "a"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

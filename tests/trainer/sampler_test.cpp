// Samplers: what they promise of users, positives and negatives, and that ranks share one batch.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny.h"
#include "trainer/data/permutation.h"
#include "trainer/data/sampler.h"

namespace chorale::test {
namespace {

struct Triples {
  std::vector<Index> users, positives, negatives;  // ids
};

// The whole batch of a step, put together from all ranks' parts.
Triples draw(const Dataset& data, bool by_user, Index size, Index step, int ranks) {
  Triples all;
  for (int rank = 0; rank < ranks; ++rank) {
    const Lanes lanes = make_lanes(12, ranks, rank);
    const auto sampler = by_user ? make_user_sampler(data, lanes, {size, 5})
                                 : make_epoch_sampler(data, lanes, {size, 5});
    Batch batch;
    sampler->draw(step, batch);
    BOOST_TEST(static_cast<Index>(batch["user"].rows.size()) == batch["user"].part.local_rows());
    for (const Index row : batch["user"].rows) all.users.push_back(data.node_of_row(row));
    for (const Index row : batch["positive"].rows)
      all.positives.push_back(data.node_of_row(row) - data.users());
    for (const Index row : batch["negative"].rows)
      all.negatives.push_back(data.node_of_row(row) - data.users());
  }
  return all;
}

bool trained_on(const Dataset& data, Index user, Index item) {
  const auto list = data.items_of(Split::train, user);
  return std::ranges::binary_search(list, static_cast<std::int32_t>(item));
}

// Pearson's statistic against equal shares; `limit` is mean + 5 standard deviations of chi-square
// with n - 1 degrees of freedom, n - 1 + 5 sqrt(2 (n - 1)).
void check_uniform(const std::map<Index, Index>& counts, std::size_t n, Index total) {
  const double expected = static_cast<double>(total) / static_cast<double>(n);
  double statistic = expected * static_cast<double>(n - counts.size());  // those never seen
  for (const auto& [value, count] : counts) {
    statistic += (static_cast<double>(count) - expected) * (static_cast<double>(count) - expected) /
                 expected;
  }
  const double freedom = static_cast<double>(n) - 1;
  BOOST_TEST(statistic < freedom + 5 * std::sqrt(2 * freedom));
}

struct Data {
  TemporaryFolder folder;
  Dataset set = Dataset::open(make_tiny_dataset(folder.path()));
};

BOOST_FIXTURE_TEST_SUITE(samplers, Data)

BOOST_AUTO_TEST_CASE(positives_are_training_items_and_negatives_never_are) {
  for (const bool by_user : {true, false}) {
    for (Index step = 0; step < 40; ++step) {
      const Triples t = draw(set, by_user, 64, step, 1);
      for (std::size_t i = 0; i < t.users.size(); ++i) {
        BOOST_TEST(trained_on(set, t.users[i], t.positives[i]));
        BOOST_TEST(!trained_on(set, t.users[i], t.negatives[i]));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(ranks_share_one_batch) {
  for (const bool by_user : {true, false}) {
    const Triples alone = draw(set, by_user, 61, 3, 1);
    for (const int ranks : {2, 3, 5, 12}) {
      const Triples together = draw(set, by_user, 61, 3, ranks);
      BOOST_TEST((together.users == alone.users && together.positives == alone.positives &&
                  together.negatives == alone.negatives));
    }
  }
}

BOOST_AUTO_TEST_CASE(users_of_a_user_batch_are_distinct) {
  for (Index step = 0; step < 50; ++step) {
    const Triples t = draw(set, true, 128, step, 1);
    BOOST_TEST(std::set<Index>(t.users.begin(), t.users.end()).size() == t.users.size());
  }
}

BOOST_AUTO_TEST_CASE(user_batches_larger_than_the_users_repeat_them) {
  const Triples t = draw(set, true, 3 * set.users(), 0, 1);
  BOOST_TEST(static_cast<Index>(t.users.size()) == 3 * set.users());
}

BOOST_AUTO_TEST_CASE(users_are_drawn_uniformly_not_by_their_activity) {
  for (const bool by_user : {true, false}) {
    std::map<Index, Index> counts;
    Index total = 0;
    for (Index step = 0; step < 600; ++step) {
      for (const Index u : draw(set, by_user, 64, step, 1).users) ++counts[u], ++total;
    }
    check_uniform(counts, static_cast<std::size_t>(set.users()), total);
  }
}

BOOST_AUTO_TEST_CASE(negatives_of_a_user_are_uniform_over_the_other_items) {
  std::map<Index, Index> counts;
  Index total = 0;
  const Index user = 7;
  for (Index step = 0; step < 4000; ++step) {
    const Triples t = draw(set, true, 128, step, 1);
    for (std::size_t i = 0; i < t.users.size(); ++i) {
      if (t.users[i] == user) ++counts[t.negatives[i]], ++total;
    }
  }
  const std::size_t others =
      static_cast<std::size_t>(set.items()) - set.items_of(Split::train, user).size();
  check_uniform(counts, others, total);
}

BOOST_AUTO_TEST_CASE(an_epoch_has_as_many_samples_as_the_sampler_says) {
  const Index n = set.interactions(Split::train);
  const Lanes lanes = make_lanes(12, 1, 0);
  const auto by_user = make_user_sampler(set, lanes, {64, 5});
  const auto by_epoch = make_epoch_sampler(set, lanes, {64, 5});

  BOOST_TEST(by_user->steps_per_epoch() == n / 64 + 1);
  Index samples = 0;
  Batch batch;
  for (Index step = 0; step < by_epoch->steps_per_epoch(); ++step) {
    by_epoch->draw(step, batch);
    samples += batch["user"].size();
  }
  BOOST_TEST(samples == n);
}

BOOST_AUTO_TEST_CASE(an_epoch_by_edges_visits_every_interaction_once_in_an_order_of_its_own) {
  const auto epoch = [&](Index number, int ranks) {
    std::vector<std::pair<Index, Index>> edges;
    const Index steps = make_edge_sampler(set, make_lanes(12, 1, 0), {64, 5})->steps_per_epoch();
    for (Index step = number * steps; step < (number + 1) * steps; ++step) {
      for (int rank = 0; rank < ranks; ++rank) {
        Batch batch;
        make_edge_sampler(set, make_lanes(12, ranks, rank), {64, 5})->draw(step, batch);
        for (std::size_t i = 0; i < batch["user"].rows.size(); ++i) {
          const Index user = set.node_of_row(batch["user"].rows[i]);
          edges.emplace_back(user, set.node_of_row(batch["positive"].rows[i]) - set.users());
          BOOST_TEST(
              !trained_on(set, user, set.node_of_row(batch["negative"].rows[i]) - set.users()));
        }
      }
    }
    return edges;
  };
  const auto first = epoch(0, 1), second = epoch(1, 1);

  BOOST_TEST(static_cast<Index>(first.size()) == set.interactions(Split::train));
  BOOST_TEST((std::set(first.begin(), first.end()).size() == first.size()));
  for (const auto& [user, item] : first) BOOST_TEST(trained_on(set, user, item));
  BOOST_TEST((first != second));
  BOOST_TEST((epoch(0, 5) == first));
}

BOOST_AUTO_TEST_CASE(batches_of_other_steps_and_seeds_differ) {
  BOOST_TEST((draw(set, true, 64, 0, 1).users != draw(set, true, 64, 1, 1).users));
  BOOST_TEST((draw(set, false, 64, 0, 1).users != draw(set, false, 64, 1, 1).users));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_CASE(a_permutation_is_a_bijection_for_every_size) {
  for (Index n = 1; n < 300; ++n) {
    const Permutation permutation({Purpose::test, 3}, 11, n);
    std::set<Index> images;
    for (Index i = 0; i < n; ++i) images.insert(permutation(i));
    BOOST_TEST_REQUIRE(static_cast<Index>(images.size()) == n);
    BOOST_TEST(*images.rbegin() == n - 1);
  }
}

BOOST_AUTO_TEST_CASE(the_first_of_a_permutation_is_uniform_over_steps) {
  std::map<Index, Index> counts;
  for (std::uint64_t step = 0; step < 20000; ++step)
    ++counts[Permutation({Purpose::test, 3}, step, 37)(0)];
  check_uniform(counts, 37, 20000);
}

}  // namespace
}  // namespace chorale::test

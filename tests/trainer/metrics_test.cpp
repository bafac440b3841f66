// The metrics of one user: the worked examples of docs/metrics.md, and random lists against
// formulas that are written another way here (sets of ranks, products instead of scans).
#include "trainer/evaluate/metrics.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "kernels/check.h"
#include "kernels/random.h"

namespace chorale {
namespace {

// One user's metrics; the list of k_max places has hits at these ranks (from 1).
class User {
 public:
  User(std::vector<Index> hit_ranks, Index k_max, Index truth, std::vector<Index> ks)
      : ks_(std::move(ks)), out_(ks_.size() * kMetrics) {
    std::vector<std::uint8_t> hits(static_cast<std::size_t>(k_max));
    for (const Index rank : hit_ranks) hits[static_cast<std::size_t>(rank - 1)] = 1;
    user_metrics(hits, truth, ks_, out_);
  }
  double at(Metric m, Index k) const {
    const auto place = std::find(ks_.begin(), ks_.end(), k) - ks_.begin();
    return out_[static_cast<std::size_t>(place) * kMetrics + static_cast<std::size_t>(m)];
  }

 private:
  std::vector<Index> ks_;
  std::vector<double> out_;
};

// Half a unit of the fifth decimal, to which the examples are printed.
bool prints_as(double value, double printed) { return std::abs(value - printed) <= 0.5e-5; }

// The same quantities from the sorted ranks of the hits, in long double, each by its own formula.
long double brute(Metric m, const std::vector<Index>& ranks, Index k, Index k_max, Index truth) {
  const auto within = [&](Index limit) {
    return static_cast<Index>(std::upper_bound(ranks.begin(), ranks.end(), limit) - ranks.begin());
  };
  const auto gain = [](long double rank) { return std::log(2.0L) / std::log(rank + 1); };
  const Index h = within(k);
  long double dcg = 0, ideal = 0, best_of_found = 0, average = 0;
  for (Index i = h; i-- > 0;) {  // from the worst hit to the best: another order of summation
    const Index rank = ranks[static_cast<std::size_t>(i)];
    dcg += gain(static_cast<long double>(rank));
    average += static_cast<long double>(i + 1) / static_cast<long double>(rank);
  }
  for (Index r = std::min(k, truth); r > 0; --r) ideal += gain(static_cast<long double>(r));
  for (Index r = std::min(k, within(k_max)); r > 0; --r) {
    best_of_found += gain(static_cast<long double>(r));
  }
  switch (m) {
    case Metric::recall:
      return static_cast<long double>(h) / static_cast<long double>(truth);
    case Metric::precision:
      return static_cast<long double>(h) / static_cast<long double>(k);
    case Metric::hit:
      return h > 0;
    case Metric::mrr:
      return h > 0 ? 1.0L / static_cast<long double>(ranks[0]) : 0;
    case Metric::map:
      return average / static_cast<long double>(std::min(k, truth));
    case Metric::ndcg:
      return dcg / ideal;
    case Metric::ndcg_quirk:
      return h > 0 ? dcg / best_of_found : 0;
  }
  return -1;
}

// Distinct ascending ranks of `count` hits among `places`, drawn without replacement.
std::vector<Index> random_ranks(Index places, Index count, std::uint64_t draw) {
  std::vector<Index> ranks;
  for (Index r = 1; r <= places; ++r) {
    const double u = random_uniform({Purpose::test, 7}, draw, static_cast<std::uint64_t>(r));
    const Index left = places - r + 1;
    const Index wanted = count - static_cast<Index>(ranks.size());
    if (u * static_cast<double>(left) < static_cast<double>(wanted)) ranks.push_back(r);
  }
  return ranks;
}

BOOST_AUTO_TEST_SUITE(metrics)

BOOST_AUTO_TEST_CASE(worked_example_has_the_printed_values) {
  const User u({1, 3, 25}, 100, 5, {20, 100});

  BOOST_TEST(u.at(Metric::recall, 20) == 0.4);
  BOOST_TEST(u.at(Metric::precision, 20) == 0.1);
  BOOST_TEST(u.at(Metric::hit, 20) == 1.0);
  BOOST_TEST(u.at(Metric::mrr, 20) == 1.0);
  // DCG is 1/log2(2) + 1/log2(4) = 1.5 exactly; the ideal list of five hits has 2.94846.
  BOOST_TEST(prints_as(u.at(Metric::ndcg, 20) * 2.94846, 1.5));
  BOOST_TEST(prints_as(u.at(Metric::ndcg, 20), 0.50874));
  BOOST_TEST(prints_as(u.at(Metric::ndcg_quirk, 20), 0.70392));
  // (1/1 + 2/3) / min(20, 5)
  BOOST_TEST(std::abs(u.at(Metric::map, 20) - 1.0 / 3.0) < 1e-15);
}

BOOST_AUTO_TEST_CASE(quirk_depends_on_the_largest_k_asked_for) {
  const User u({1, 3}, 20, 5, {20});

  BOOST_TEST(prints_as(u.at(Metric::ndcg_quirk, 20), 0.91972));
  BOOST_TEST(prints_as(u.at(Metric::ndcg, 20), 0.50874));
}

BOOST_AUTO_TEST_CASE(list_without_a_hit_scores_zero_everywhere) {
  const User u({}, 20, 3, {5, 20});

  for (int m = 0; m < kMetrics; ++m) {
    BOOST_TEST(u.at(static_cast<Metric>(m), 5) == 0.0);
    BOOST_TEST(u.at(static_cast<Metric>(m), 20) == 0.0);
  }
}

BOOST_AUTO_TEST_CASE(hit_below_k_counts_only_in_the_quirk_of_larger_lists) {
  const User u({7}, 20, 1, {5, 20});

  BOOST_TEST(u.at(Metric::mrr, 5) == 0.0);
  BOOST_TEST(u.at(Metric::ndcg_quirk, 5) == 0.0);
  BOOST_TEST(u.at(Metric::mrr, 20) == 1.0 / 7.0);
  BOOST_TEST(u.at(Metric::ndcg, 20) == 1.0 / 3.0);  // 1 / log2(8)
  BOOST_TEST(u.at(Metric::ndcg_quirk, 20) == 1.0 / 3.0);
}

BOOST_AUTO_TEST_CASE(perfect_list_scores_one) {
  const User u({1, 2, 3}, 10, 3, {3, 10});

  for (const Metric m :
       {Metric::recall, Metric::hit, Metric::mrr, Metric::map, Metric::ndcg, Metric::ndcg_quirk}) {
    BOOST_TEST(u.at(m, 3) == 1.0);
    BOOST_TEST(u.at(m, 10) == 1.0);
  }
  BOOST_TEST(u.at(Metric::precision, 10) == 0.3);
}

BOOST_AUTO_TEST_CASE(random_lists_agree_with_formulas_written_differently) {
  constexpr Index kPlaces = 53;
  const std::vector<Index> ks = {1, 2, 10, 20, 53};
  for (std::uint64_t draw = 0; draw < 500; ++draw) {
    const RandomBits b = random_bits({Purpose::test, 1}, draw, 0);
    const Index count = static_cast<Index>(b.word[0] % 30);
    const Index truth = std::max<Index>(1, count + static_cast<Index>(b.word[1] % 40));
    const std::vector<Index> ranks = random_ranks(kPlaces, count, draw);
    const User u(ranks, kPlaces, truth, ks);

    for (const Index k : ks) {
      for (int m = 0; m < kMetrics; ++m) {
        const Metric metric = static_cast<Metric>(m);
        const double expected = static_cast<double>(brute(metric, ranks, k, kPlaces, truth));
        // 53 terms and a quotient, all positive, each rounded a few times: 4 * 53 eps, relatively.
        BOOST_TEST(std::abs(u.at(metric, k) - expected) <= 212 * 2.3e-16 * expected,
                   name(metric) << "@" << k << " is " << u.at(metric, k) << ", not " << expected);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(quirk_is_never_below_the_standard_ndcg) {
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const std::vector<Index> ranks = random_ranks(41, static_cast<Index>(draw % 19), draw);
    const User u(ranks, 41, 19, {10, 41});

    BOOST_TEST(u.at(Metric::ndcg_quirk, 10) >= u.at(Metric::ndcg, 10));
    BOOST_TEST(u.at(Metric::ndcg_quirk, 41) <= 1.0 + 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(user_without_ground_truth_is_refused) {
  std::vector<double> out(kMetrics);
  const std::vector<std::uint8_t> hits(10);
  const std::vector<Index> ks = {10}, too_large = {11};

  BOOST_CHECK_THROW(user_metrics(hits, 0, ks, out), Error);
  BOOST_CHECK_THROW(user_metrics(hits, 1, too_large, out), Error);
}

BOOST_AUTO_TEST_CASE(value_that_was_not_computed_is_a_usage_error) {
  const Evaluation e{.users = 1, .k_max = 20, .values = {{Metric::recall, 20, 0.25}}};

  BOOST_TEST(e.at(Metric::recall, 20) == 0.25);
  BOOST_CHECK_EXCEPTION(e.at(Metric::recall, 10), Error, [](const Error& error) {
    return error.code() == Exit::usage &&
           std::string(error.what()).find("k = 20") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(names_and_definitions_are_distinct) {
  for (int a = 0; a < kMetrics; ++a) {
    for (int b = 0; b < a; ++b) {
      BOOST_TEST(name(static_cast<Metric>(a)) != name(static_cast<Metric>(b)));
      BOOST_TEST(definition(static_cast<Metric>(a)) != definition(static_cast<Metric>(b)));
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale

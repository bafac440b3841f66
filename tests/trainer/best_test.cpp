// The best evaluation by one or several watched metrics: when the count starts anew, which epoch is
// reported, and that a checkpoint carries all of it.
#include "trainer/best.h"

#include <boost/test/unit_test.hpp>

namespace chorale::test {
namespace {

const WatchedMetric kRecall{Metric::recall, 20}, kNdcg{Metric::ndcg, 20};

Evaluation evaluation(double recall, double ndcg) {
  return {
      .users = 1, .k_max = 20, .values = {{Metric::recall, 20, recall}, {Metric::ndcg, 20, ndcg}}};
}

// Epochs 1, 2, ... with these validations; the test recall of an epoch is its number.
class Offers {
 public:
  explicit Offers(Best& best, Index epoch = 0) : best_(best), epoch_(epoch) {}
  bool operator()(double recall, double ndcg) {
    ++epoch_;
    return best_.offer(epoch_, evaluation(recall, ndcg),
                       evaluation(static_cast<double>(epoch_), 0));
  }

 private:
  Best& best_;
  Index epoch_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(best)

BOOST_AUTO_TEST_CASE(of_one_metric_reaching_the_best_starts_anew_and_the_first_epoch_is_reported) {
  Best b("validation", {kRecall});
  Offers offer(b);

  BOOST_TEST(!b.exists());
  BOOST_TEST(offer(0.5, 0.1));
  BOOST_TEST(!offer(0.4, 0.9));  // its ndcg is not watched
  BOOST_TEST(b.short_falls() == 1);
  BOOST_TEST(!offer(0.5, 0.1));
  BOOST_TEST(b.short_falls() == 0);
  BOOST_TEST(b.epoch() == 1);
  BOOST_TEST(b.test().at("recall@20") == 1);
  BOOST_TEST(b.decisive().value == 0.5);
}

BOOST_AUTO_TEST_CASE(a_first_evaluation_is_the_best_even_if_it_is_zero) {
  Best b("validation", {kRecall, kNdcg});

  BOOST_TEST(Offers(b)(0, 0));

  BOOST_TEST(b.epoch() == 1);
  BOOST_TEST(b.short_falls() == 0);
}

// The worked example of best.h.
BOOST_AUTO_TEST_CASE(of_several_metrics_the_last_improvement_of_any_is_reported) {
  Best b("validation", {kRecall, kNdcg});
  Offers offer(b);

  BOOST_TEST(offer(5, 3));
  BOOST_TEST((b.decisive().metric == kRecall));
  BOOST_TEST(offer(4, 4));
  BOOST_TEST(!offer(5, 2));
  BOOST_TEST(!offer(3, 4));

  BOOST_TEST(b.short_falls() == 0);
  BOOST_TEST(b.epoch() == 2);
  BOOST_TEST((b.decisive().metric == kNdcg));
  BOOST_TEST(b.decisive().value == 4);
  BOOST_TEST(b.test().at("recall@20") == 2);
  BOOST_TEST(b.peaks()[0].epoch == 1);
  BOOST_TEST(b.peaks()[0].value == 5);
}

BOOST_AUTO_TEST_CASE(an_evaluation_below_all_bests_counts_and_any_best_starts_anew) {
  Best b("validation", {kRecall, kNdcg});
  Offers offer(b);
  offer(5, 3);

  for (Index failed = 1; failed <= 5; ++failed) {
    BOOST_TEST(!offer(4, 2));
    BOOST_TEST(b.short_falls() == failed);
  }
  BOOST_TEST(offer(1, 3.5));
  BOOST_TEST(b.short_falls() == 0);
}

BOOST_AUTO_TEST_CASE(saved_numbers_continue_as_if_nothing_had_happened) {
  Best whole("validation", {kRecall, kNdcg}), first("validation", {kRecall, kNdcg});
  for (Best* b : {&whole, &first}) {
    Offers offer(*b);
    offer(5, 3);
    offer(4, 4);
    offer(4, 3);
  }
  std::map<std::string, double> numbers, expected, found;
  first.save(numbers);

  Best rest("validation", {kRecall, kNdcg});
  rest.restore(numbers);
  for (Best* b : {&whole, &rest}) {
    Offers offer(*b, 3);
    offer(4.5, 3.5);
    offer(5, 1);
    offer(4, 3);
  }
  whole.save(expected);
  rest.save(found);

  BOOST_TEST((found == expected));
  BOOST_TEST(rest.short_falls() == 1);
  BOOST_TEST(rest.test().at("recall@20") == 2);
}

BOOST_AUTO_TEST_CASE(numbers_by_other_metrics_are_not_taken) {
  Best both("validation", {kRecall, kNdcg}), one("validation", {kRecall}), other("test", {kRecall});
  std::map<std::string, double> of_both, of_one;
  Offers{both}(5, 3);
  Offers{one}(5, 3);
  both.save(of_both);
  one.save(of_one);

  Best again_both("validation", {kRecall, kNdcg}), again_one("validation", {kRecall});
  again_both.restore(of_one);
  again_one.restore(of_both);
  other.restore(of_one);

  BOOST_TEST(!again_both.exists());
  BOOST_TEST(!again_one.exists());
  BOOST_TEST(!other.exists());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

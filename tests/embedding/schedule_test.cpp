// Learning rates against closed forms, at their corners.
#include "embedding/schedule.h"

#include <boost/test/unit_test.hpp>
#include <cmath>

namespace chorale::test {
namespace {

const auto kClose = boost::test_tools::tolerance(1e-14);  // a few roundings of double

}  // namespace

BOOST_AUTO_TEST_SUITE(schedules)

BOOST_AUTO_TEST_CASE(a_constant_rate_is_constant) {
  const Schedule s{.base_rate = 0.25};

  for (const Index step : {0, 1, 1000000}) BOOST_TEST(s.rate(step) == 0.25);
}

BOOST_AUTO_TEST_CASE(warm_up_rises_linearly_and_ends_at_the_base_rate) {
  const Schedule s{.base_rate = 0.5, .warmup_steps = 4};

  const double expected[] = {0.125, 0.25, 0.375, 0.5, 0.5, 0.5};
  for (Index step = 0; step < 6; ++step) BOOST_TEST(s.rate(step) == expected[step]);
}

BOOST_AUTO_TEST_CASE(exponential_decay_changes_between_epochs_only) {
  // The rate of MMHCL: 0.96^(epoch / 50).
  const Schedule s{.kind = Schedule::Kind::exponential,
                   .base_rate = 5e-4,
                   .steps_per_epoch = 10,
                   .factor = 0.96,
                   .every_epochs = 50};

  for (const Index step : {0, 9, 10, 19, 499, 500, 12345}) {
    const auto epoch = static_cast<double>(step / 10);
    BOOST_TEST(s.rate(step) == 5e-4 * std::exp(std::log(0.96) * epoch / 50), kClose);
  }
  BOOST_TEST(s.rate(10) == s.rate(19));
  BOOST_TEST(s.rate(19) > s.rate(20));
}

BOOST_AUTO_TEST_CASE(step_decay_halves_every_second_epoch) {
  const Schedule s{.kind = Schedule::Kind::step,
                   .base_rate = 1,
                   .steps_per_epoch = 3,
                   .factor = 0.5,
                   .every_epochs = 2};

  const double expected[] = {1, 1, 0.5, 0.5, 0.25};
  for (Index epoch = 0; epoch < 5; ++epoch) {
    for (Index i = 0; i < 3; ++i) BOOST_TEST(s.rate(3 * epoch + i) == expected[epoch]);
  }
}

BOOST_AUTO_TEST_CASE(a_linear_rate_falls_from_the_end_of_warm_up_to_its_last_value) {
  const Schedule s{.kind = Schedule::Kind::linear,
                   .base_rate = 2,
                   .warmup_steps = 10,
                   .total_steps = 110,
                   .final_ratio = 0.1};

  BOOST_TEST(s.rate(9) == 2);
  BOOST_TEST(s.rate(10) == 2);
  BOOST_TEST(s.rate(60) == 1.1, kClose);
  BOOST_TEST(s.rate(110) == 0.2, kClose);
  BOOST_TEST(s.rate(100000) == 0.2, kClose);
}

BOOST_AUTO_TEST_CASE(a_cosine_rate_falls_along_half_a_wave) {
  const Schedule s{
      .kind = Schedule::Kind::cosine, .base_rate = 2, .total_steps = 300, .final_ratio = 0.5};

  BOOST_TEST(s.rate(0) == 2);
  BOOST_TEST(s.rate(100) == 1.75, kClose);  // cos(pi / 3) = 1/2
  BOOST_TEST(s.rate(150) == 1.5, kClose);
  BOOST_TEST(s.rate(200) == 1.25, kClose);
  BOOST_TEST(s.rate(300) == 1, kClose);
  BOOST_TEST(s.rate(301) == 1, kClose);
}

BOOST_AUTO_TEST_CASE(warm_up_as_long_as_the_run_divides_by_nothing) {
  const Schedule s{.kind = Schedule::Kind::cosine,
                   .base_rate = 1,
                   .warmup_steps = 5,
                   .total_steps = 5,
                   .final_ratio = 0.1};

  BOOST_TEST(s.rate(4) == 1);
  BOOST_TEST(s.rate(5) == 0.1, kClose);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

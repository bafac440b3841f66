// Batches drawn ahead are those of their steps, in any order of asking and with any threads.
#include "trainer/data/batch_stream.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <chrono>

namespace chorale::test {
namespace {

// A batch of one column that holds the step; earlier steps take longer.
void draw_step(Index step, Batch& batch) {
  std::this_thread::sleep_for(std::chrono::microseconds(step % 3 == 0 ? 300 : 10));
  batch.start("step", Partition::uniform(1, make_lanes(1, 1, 0))).rows.push_back(step);
}

Index step_of(const Batch& batch) { return batch["step"].rows.at(0); }

BOOST_AUTO_TEST_SUITE(batch_stream)

BOOST_AUTO_TEST_CASE(every_step_gets_its_own_batch) {
  for (const int threads : {0, 1, 3}) {
    BatchStream batches(draw_step, threads);
    for (Index step = 5; step < 60; ++step) BOOST_TEST(step_of(batches.get(step)) == step);
  }
}

BOOST_AUTO_TEST_CASE(steps_may_be_asked_for_in_any_order) {
  for (const int threads : {0, 1, 3}) {
    BatchStream batches(draw_step, threads);
    for (const Index step : {0, 1, 2, 40, 41, 7, 7, 8, 0}) {
      BOOST_TEST(step_of(batches.get(step)) == step);
    }
  }
}

// A batch is empty for a while when it is drawn, and is looked at in that while if it is handed out
// too early.
BOOST_AUTO_TEST_CASE(a_batch_that_is_asked_for_again_stays_as_it_is) {
  const auto pause = [](int milliseconds) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  };
  BatchStream batches(
      [&](Index step, Batch& batch) {
        auto& rows = batch.start("step", Partition::uniform(1, make_lanes(1, 1, 0))).rows;
        pause(20);
        rows.push_back(step);
      },
      1);
  for (int i = 0; i < 3; ++i) {
    const Batch& batch = batches.get(7);

    pause(10);
    BOOST_REQUIRE(batch["step"].rows.size() == 1);
    BOOST_TEST(step_of(batch) == 7);
  }
}

BOOST_AUTO_TEST_CASE(the_next_batches_are_drawn_before_they_are_asked_for) {
  std::atomic<int> drawn{0};
  BatchStream batches(
      [&](Index step, Batch& batch) {
        draw_step(step, batch);
        ++drawn;
      },
      2);

  batches.get(0);

  for (int i = 0; i < 2000 && drawn < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  BOOST_TEST(drawn == 5);  // step 0 and two ahead for each thread
}

BOOST_AUTO_TEST_CASE(an_error_is_thrown_to_who_asks_for_its_step) {
  for (const int threads : {0, 2}) {
    BatchStream batches(
        [](Index step, Batch& batch) {
          require(step != 3, "step 3 cannot be drawn");
          draw_step(step, batch);
        },
        threads);
    for (Index step = 0; step < 3; ++step) BOOST_TEST(step_of(batches.get(step)) == step);

    BOOST_CHECK_THROW(batches.get(3), Error);
    BOOST_TEST(step_of(batches.get(4)) == 4);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test

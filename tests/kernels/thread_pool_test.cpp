// The thread pool: every part once, exceptions, nesting, callers from several threads.
#include "kernels/cpu/thread_pool.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

namespace chorale {

BOOST_AUTO_TEST_SUITE(thread_pool_suite)

BOOST_AUTO_TEST_CASE(every_index_is_done_once) {
  for (int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    for (Index n : {0, 1, 2, 7, 1000}) {
      std::vector<int> done(static_cast<std::size_t>(n), 0);

      pool.parallel_for(n, 1, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) ++done[static_cast<std::size_t>(i)];
      });

      BOOST_TEST(done == std::vector<int>(static_cast<std::size_t>(n), 1));
    }
  }
}

BOOST_AUTO_TEST_CASE(parts_are_no_smaller_than_the_grain_asks) {
  ThreadPool pool(4);
  BOOST_TEST(pool.parts_for(100, 100) == 1);
  BOOST_TEST(pool.parts_for(200, 100) == 2);
  BOOST_TEST(pool.parts_for(1000, 100) == 4);
  BOOST_TEST(pool.parts_for(0, 100) == 0);
}

BOOST_AUTO_TEST_CASE(one_thread_stays_on_the_caller) {
  ThreadPool pool(1);
  std::thread::id worker;

  pool.parallel_for(1000, 1, [&](Index, Index) { worker = std::this_thread::get_id(); });

  BOOST_TEST((worker == std::this_thread::get_id()));
}

BOOST_AUTO_TEST_CASE(many_short_jobs_see_one_anothers_results) {
  ThreadPool pool(3);
  std::vector<Index> sums(3, 0);

  for (int job = 0; job < 2000; ++job) {
    // Each part reads what another part wrote in the job before.
    std::vector<Index> before = sums;
    pool.parallel_parts(3, [&](int p) {
      sums[static_cast<std::size_t>(p)] = before[static_cast<std::size_t>((p + 1) % 3)] + 1;
    });
  }

  BOOST_TEST(sums == std::vector<Index>(3, 2000));
}

BOOST_AUTO_TEST_CASE(the_exception_of_the_first_part_reaches_the_caller) {
  ThreadPool pool(3);
  std::atomic<int> ended{0};
  const auto failing = [&](int p) {
    ++ended;
    if (p >= 1) throw std::runtime_error("part " + std::to_string(p));
  };

  BOOST_CHECK_EXCEPTION(
      pool.parallel_parts(3, failing), std::runtime_error,
      [](const std::runtime_error& e) { return std::string(e.what()) == "part 1"; });
  BOOST_TEST(ended == 3);

  pool.parallel_parts(3, [&](int) { ++ended; });  // and the pool works on
  BOOST_TEST(ended == 6);
}

BOOST_AUTO_TEST_CASE(a_job_within_a_job_runs_in_place) {
  ThreadPool pool(2);
  std::atomic<int> count{0};

  pool.parallel_parts(2, [&](int) { pool.parallel_parts(2, [&](int) { ++count; }); });

  BOOST_TEST(count == 4);
}

BOOST_AUTO_TEST_CASE(two_callers_do_not_disturb_each_other) {
  ThreadPool pool(2);
  std::atomic<Index> sum{0};
  const auto caller = [&] {
    for (int i = 0; i < 500; ++i) {
      pool.parallel_for(10, 1, [&](Index first, Index last) { sum += last - first; });
    }
  };

  std::thread other(caller);
  caller();
  other.join();

  BOOST_TEST(sum == 2 * 500 * 10);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

// What thread-ranks do when one of them fails: nobody hangs, and the first cause is what is
// reported.
#include "comm/thread_communicator.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <string>

#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

std::string failure_of(int ranks, const std::function<void(Communicator&)>& body) {
  try {
    run_thread_ranks(ranks, body);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "no failure";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(thread_communicator)

BOOST_AUTO_TEST_CASE(rank_that_throws_breaks_the_group) {
  std::atomic<int> told = 0;

  const std::string failure = failure_of(4, [&](Communicator& comm) {
    comm.barrier();
    if (comm.rank() == 2) throw std::runtime_error("rank 2 has had enough");
    try {
      comm.barrier();
    } catch (const Error& e) {
      if (e.code() == Exit::peer_lost && std::string(e.what()) == "rank 2 failed") ++told;
      throw;
    }
  });

  BOOST_TEST(failure == "rank 2 has had enough");
  BOOST_TEST(told == 3);
}

BOOST_AUTO_TEST_CASE(broken_group_stays_broken) {
  std::atomic<int> told = 0;

  failure_of(3, [&](Communicator& comm) {
    if (comm.rank() == 1) throw std::runtime_error("gone");
    for (int attempt = 0; attempt < 3; ++attempt) {
      try {
        comm.barrier();
      } catch (const Error&) {
        ++told;
      }
    }
  });

  BOOST_TEST(told == 2 * 3);
}

BOOST_AUTO_TEST_CASE(lowest_rank_that_failed_is_reported) {
  const std::string failure = failure_of(5, [](Communicator& comm) {
    if (comm.rank() >= 1) throw std::runtime_error("rank " + std::to_string(comm.rank()));
    comm.barrier();
  });

  BOOST_TEST(failure == "rank 1");
}

BOOST_AUTO_TEST_CASE(rank_that_returns_early_is_named) {
  const std::string failure = failure_of(3, [](Communicator& comm) {
    if (comm.rank() != 1) comm.barrier();
  });

  BOOST_TEST(failure == "rank 1 returned while others wait for it");
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_match_are_named) {
  const std::string failure = failure_of(2, [](Communicator& comm) {
    const std::vector<Index> sent(2, 1), received(2, comm.rank() == 0 ? 1 : 2);
    std::vector<Index> from(2), to(static_cast<std::size_t>(received[0] + received[1]));
    all_to_all<Index>(comm, from, sent, to, received).wait();
  });

  BOOST_TEST(failure.find("rank 0 sends 8 bytes to rank 1, which expects 16") != std::string::npos,
             failure);
}

BOOST_AUTO_TEST_CASE(group_can_be_made_again_after_a_failure) {
  failure_of(3, [](Communicator& comm) {
    if (comm.rank() == 0) throw std::runtime_error("once");
    comm.barrier();
  });

  BOOST_TEST(failure_of(3, [](Communicator& comm) { comm.barrier(); }) == "no failure");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

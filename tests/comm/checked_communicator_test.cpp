// A mismatch of verbs or sizes is an error that names the ranks.
// A wrong call is named: who, which verb, which size; and all ranks throw, so none hangs.
#include "comm/checked_communicator.h"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>

#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

// Runs `body` on checked thread-ranks and demands that all of them throw; returns the message.
std::string mismatch(int ranks, const std::function<void(Communicator&)>& body) {
  std::atomic<int> thrown = 0;
  std::string message = "no mismatch";
  try {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      const auto checked = make_checked_communicator(comm);
      try {
        body(*checked);
      } catch (const Error& e) {
        if (e.code() == Exit::internal) ++thrown;
        throw;
      }
    });
  } catch (const Error& e) {
    message = e.what();
  }
  BOOST_TEST(thrown == ranks);
  return message;
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checked_communicator)

BOOST_AUTO_TEST_CASE(rank_that_calls_another_verb_is_named) {
  const std::string message = mismatch(4, [](Communicator& comm) {
    comm.barrier();
    std::vector<Real> x(3);
    if (comm.rank() == 2) {
      comm.barrier();
    } else {
      comm.all_reduce_sum({x.data(), 1, 3}).wait();
    }
  });

  BOOST_TEST(holds(message, "call 2: rank 2 calls barrier, the others call all_reduce_sum"),
             message);
}

BOOST_AUTO_TEST_CASE(pair_that_disagrees_in_size_is_named) {
  const std::string message = mismatch(3, [](Communicator& comm) {
    const std::vector<Index> sent(3, 1);
    const std::vector<Index> received{1, comm.rank() == 2 ? 2 : 1, 1};  // 2 expects more of 1
    std::vector<Index> from(3), to(comm.rank() == 2 ? 4 : 3);
    all_to_all<Index>(comm, from, sent, to, received).wait();
  });

  BOOST_TEST(holds(message, "rank 1 sends 8 bytes to rank 2, which expects 16"), message);
}

BOOST_AUTO_TEST_CASE(buffer_that_is_not_as_long_as_its_counts_is_named) {
  const std::string message = mismatch(3, [](Communicator& comm) {
    const std::vector<Index> counts(3, 1);
    std::vector<Index> from(comm.rank() == 1 ? 5 : 3), to(3);
    all_to_all<Index>(comm, from, counts, to, counts).wait();
  });

  BOOST_TEST(holds(message, "rank 1 sends 40 bytes, but its counts add up to 24"), message);
}

BOOST_AUTO_TEST_CASE(all_gather_that_expects_another_size_is_named) {
  const std::string message = mismatch(3, [](Communicator& comm) {
    const std::vector<Index> each{8, 8, comm.rank() == 0 ? 16 : 8};
    std::vector<std::byte> mine(8), all(comm.rank() == 0 ? 32 : 24);
    comm.all_gather(mine, all, each).wait();
  });

  BOOST_TEST(holds(message, "rank 2 brings 8 bytes, but rank 0 expects 16 of it"), message);
}

BOOST_AUTO_TEST_CASE(rank_with_another_shape_is_named) {
  const std::string message = mismatch(3, [](Communicator& comm) {
    std::vector<Real> x(6);
    const Index rows = comm.rank() == 1 ? 3 : 2;
    comm.all_reduce_sum({x.data(), rows, 2}).wait();
  });

  BOOST_TEST(holds(message, "rank 1 has 3 rows, the others have 2"), message);
}

BOOST_AUTO_TEST_CASE(rank_with_another_root_is_named) {
  const std::string message = mismatch(3, [](Communicator& comm) {
    std::vector<std::byte> x(4);
    comm.broadcast(x, comm.rank() == 0 ? 1 : 2).wait();
  });

  BOOST_TEST(holds(message, "rank 0 has 1 as root, the others have 2"), message);
}

BOOST_AUTO_TEST_CASE(rank_that_made_more_calls_is_named) {
  const std::string message = mismatch(3, [](Communicator& comm) {
    const auto again = make_checked_communicator(comm);  // its calls are also calls of `comm`
    again->barrier();
    // Rank 0 forgets its decorator's past: a new one starts to count from nothing.
    const auto fresh = make_checked_communicator(comm);
    (comm.rank() == 0 ? *fresh : *again).barrier();
  });

  BOOST_TEST(holds(message, "rank 0 has 1 calls so far, the others have 2"), message);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

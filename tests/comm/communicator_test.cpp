// The communicator contract on one rank and on thread-ranks, bare and under the decorators.
#include <boost/test/unit_test.hpp>

#include "comm/checked_communicator.h"
#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "comm/timed_communicator.h"
#include "tests/comm/communicator_contract.h"
#include "tests/comm/device_contract.h"
#include "tests/comm/from_host.h"
#include "tests/support/foreign_device.h"

namespace chorale {
namespace {

// Runs every check on every number of thread-ranks, on decorate(communicator).
template <class Decorate>
void hold_contract_on_thread_ranks(const Decorate& decorate) {
  for (const int ranks : {1, 2, 3, 4, 5}) {
    for (const contract::Check& check : contract::kAll) {
      BOOST_TEST_CONTEXT(check.name << " on " << ranks << " ranks") {
        run_thread_ranks(ranks, [&](Communicator& comm) {
          const auto decorated = decorate(comm);
          check.run(*decorated);
        });
        BOOST_TEST(true);
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(communicators)

BOOST_AUTO_TEST_CASE(one_rank_keeps_the_contract) {
  const auto comm = make_self_communicator();
  const auto checked = make_checked_communicator(*comm);
  for (const contract::Check& check : contract::kAll) {
    BOOST_TEST_CONTEXT(check.name) {
      check.run(*comm);
      check.run(*checked);
      BOOST_TEST(true);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_rank_keeps_the_contract_on_memory_that_the_host_cannot_reach) {
  const auto device = test::make_foreign_device();
  const auto host = make_self_communicator();
  const auto comm = make_self_communicator(*device, *host);
  FromHost from_host(*device, *comm);
  for (const contract::Check& check : contract::kAll) {
    BOOST_TEST_CONTEXT(check.name) {
      check.run(from_host);
      BOOST_TEST(true);
    }
  }
  contract::hold_on_device(*device, *comm);
  BOOST_TEST(&comm->host() == host.get());
}

BOOST_AUTO_TEST_CASE(thread_ranks_keep_the_contract) {
  hold_contract_on_thread_ranks([](Communicator& comm) { return &comm; });
}

BOOST_AUTO_TEST_CASE(checked_thread_ranks_keep_the_contract) {
  hold_contract_on_thread_ranks([](Communicator& comm) { return make_checked_communicator(comm); });
}

BOOST_AUTO_TEST_CASE(timed_thread_ranks_keep_the_contract) {
  hold_contract_on_thread_ranks([](Communicator& comm) { return make_timed_communicator(comm); });
}

BOOST_AUTO_TEST_CASE(request_runs_its_end_once) {
  int ended = 0;
  {
    Request first([&] { ++ended; });
    Request second = std::move(first);
    BOOST_TEST(first.is_complete());
    BOOST_TEST(!second.is_complete());
    second.wait();
    second.wait();
  }

  BOOST_TEST(ended == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

// The communicator contract over MPI; started by mpirun on several numbers of ranks.
#include "comm/mpi_communicator.h"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <thread>

#include "comm/checked_communicator.h"
#include "comm/staged_communicator.h"
#include "comm/timed_communicator.h"
#include "tests/comm/communicator_contract.h"
#include "tests/comm/from_host.h"
#include "tests/comm/lane_sum_reference.h"
#include "tests/support/foreign_device.h"
#include "tests/support/mpi_world.h"

namespace chorale {
namespace {

void hold_contract(Communicator& comm) {
  for (const contract::Check& check : contract::kAll) {
    BOOST_TEST_CONTEXT(check.name) {
      check.run(comm);
      BOOST_TEST(true);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mpi_communicator)

BOOST_AUTO_TEST_CASE(mpi_ranks_keep_the_contract) { hold_contract(mpi_world()); }

BOOST_AUTO_TEST_CASE(checked_mpi_ranks_keep_the_contract) {
  hold_contract(*make_checked_communicator(mpi_world()));
}

BOOST_AUTO_TEST_CASE(timed_mpi_ranks_keep_the_contract) {
  hold_contract(*make_timed_communicator(mpi_world()));
}

BOOST_AUTO_TEST_CASE(ranks_staged_over_mpi_keep_the_contract) {
  const auto device = test::make_foreign_device();
  const auto staged = make_staged_communicator(*device, mpi_world());
  const auto checked = make_checked_communicator(*staged);
  const auto timed = make_timed_communicator(*staged);
  for (Communicator* comm :
       {staged.get(), checked.get(), static_cast<Communicator*>(timed.get())}) {
    FromHost from_host(*device, *comm);
    hold_contract(from_host);
  }
}

// What happens beyond 1 GiB, with 10,001 bytes for a GiB: buffers are cut into messages.
BOOST_AUTO_TEST_CASE(contract_holds_when_messages_are_cut) {
  const Patience patience;
  const auto comm = make_mpi_communicator(patience, 10'001);
  hold_contract(*comm);
}

BOOST_AUTO_TEST_CASE(lane_sum_is_the_tree_to_the_bit) {
  for (const int count : {12, 64}) {
    const Lanes lanes = make_lanes(count, mpi_world().size(), mpi_world().rank());

    BOOST_TEST(same_bits(host_lane_sum(mpi_world(), lanes, 37), tree_sums<double>(count, 37)));
    BOOST_TEST(same_bits(device_lane_sum(mpi_world(), lanes, 37), tree_sums<Real>(count, 37)));
  }
}

// Rank 1 expects 4 bytes of the 8 that rank 0 sends: MPI's own error arrives as an Error.
BOOST_AUTO_TEST_CASE(error_of_mpi_becomes_an_error_with_its_text) {
  const Patience patience;
  const auto comm = make_mpi_communicator(patience);
  const auto ranks = static_cast<std::size_t>(comm->size());
  std::vector<Index> sent(ranks, 0), received(ranks, 0);
  if (ranks > 1 && comm->rank() == 0) sent[1] = 8;
  if (comm->rank() == 1) received[0] = 4;
  const std::vector<std::byte> from(comm->rank() == 0 && ranks > 1 ? 8 : 0);
  std::vector<std::byte> to(comm->rank() == 1 ? 4 : 0);

  Request request = comm->all_to_all(from, sent, to, received);

  if (comm->rank() == 1) {
    BOOST_CHECK_EXCEPTION(request.wait(), Error, [](const Error& e) {
      return e.code() == Exit::environment &&
             std::string(e.what()).find("truncated") != std::string::npos;
    });
  } else {
    BOOST_CHECK_NO_THROW(request.wait());
  }
}

// The last rank comes long after the others have lost their patience.
BOOST_AUTO_TEST_CASE(a_rank_that_does_not_come_is_named_and_not_waited_for) {
  const int late = mpi_world().size() - 1;
  if (late == 0) return;
  const bool is_late = mpi_world().rank() == late;
  const Patience patience{.until_given_up = std::chrono::milliseconds(is_late ? 0 : 400)};
  const auto comm = make_mpi_communicator(patience);
  comm->barrier();

  if (is_late) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    BOOST_CHECK_NO_THROW(comm->barrier());
  } else {
    BOOST_CHECK_EXCEPTION(comm->barrier(), Error, [&](const Error& e) {
      const std::string named = fmt::format("not there: rank {}", late);
      return e.code() == Exit::peer_lost && std::string(e.what()).starts_with("barrier (call 2)") &&
             (comm->rank() > 1 || std::string(e.what()).ends_with(named));
    });
  }
  mpi_world().barrier();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

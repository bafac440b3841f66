// The communicator contract on memory that the host cannot reach, bare and under the decorators.
#include "comm/staged_communicator.h"

#include <boost/test/unit_test.hpp>

#include "comm/checked_communicator.h"
#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "comm/timed_communicator.h"
#include "tests/comm/communicator_contract.h"
#include "tests/comm/device_contract.h"
#include "tests/comm/from_host.h"
#include "tests/comm/lane_sum_reference.h"
#include "tests/support/foreign_device.h"

namespace chorale {
namespace {

// Runs every check on thread-ranks with a device each, on decorate(staged communicator).
template <class Decorate>
void hold_contract_on_foreign_devices(const Decorate& decorate) {
  for (const int ranks : {1, 2, 3, 5}) {
    for (const contract::Check& check : contract::kAll) {
      BOOST_TEST_CONTEXT(check.name << " on " << ranks << " ranks") {
        run_thread_ranks(ranks, [&](Communicator& comm) {
          const auto device = test::make_foreign_device();
          const auto staged = make_staged_communicator(*device, comm);
          const auto decorated = decorate(*staged);
          FromHost from_host(*device, *decorated);
          check.run(from_host);
        });
        BOOST_TEST(true);
      }
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(staged_communicator)

BOOST_AUTO_TEST_CASE(staged_ranks_keep_the_contract) {
  hold_contract_on_foreign_devices([](Communicator& comm) { return &comm; });
}

BOOST_AUTO_TEST_CASE(checked_staged_ranks_keep_the_contract) {
  hold_contract_on_foreign_devices(
      [](Communicator& comm) { return make_checked_communicator(comm); });
}

BOOST_AUTO_TEST_CASE(timed_staged_ranks_keep_the_contract) {
  hold_contract_on_foreign_devices(
      [](Communicator& comm) { return make_timed_communicator(comm); });
}

BOOST_AUTO_TEST_CASE(host_is_the_communicator_that_carries) {
  const auto device = test::make_foreign_device();
  const auto self = make_self_communicator();

  BOOST_TEST(&make_staged_communicator(*device, *self)->host() == self.get());
}

BOOST_AUTO_TEST_CASE(staged_ranks_keep_the_order_of_their_device) {
  for (const int ranks : {1, 2, 3}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      const auto device = test::make_foreign_device();
      contract::hold_on_device(*device, *make_staged_communicator(*device, comm));
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(lane_sum_is_the_tree_to_the_bit) {
  for (const int ranks : {1, 2, 3}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      const Lanes lanes = make_lanes(12, comm.size(), comm.rank());
      const auto device = test::make_foreign_device();
      const auto staged = make_staged_communicator(*device, comm);
      Arena arena(*device);
      const Array<Real> partials(*device, std::span<const Real>(lane_values<Real>(lanes, 37)));
      const Array<Real> total(*device, 37);

      lane_sum(*staged, lanes, arena, {partials.data(), lanes.local(), 37}, {total.data(), 1, 37});

      require(same_bits(total.download(), tree_sums<Real>(12, 37)), "lane_sum");
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

// The communicator contract on memory that the host cannot reach, bare and under the decorators.
#include "comm/staged_communicator.h"

#include <boost/test/unit_test.hpp>

#include "comm/checked_communicator.h"
#include "comm/self_communicator.h"
#include "comm/thread_communicator.h"
#include "comm/timed_communicator.h"
#include "tests/comm/communicator_contract.h"
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

// Sent is what the work enqueued before makes of the buffer; work enqueued after the wait finds
// what arrived.
BOOST_AUTO_TEST_CASE(a_verb_stands_in_the_order_of_the_stream) {
  run_thread_ranks(2, [](Communicator& comm) {
    const auto device = test::make_foreign_device();
    const auto staged = make_staged_communicator(*device, comm);
    const Array<Real> x(*device, 3), y(*device, 6);
    const View mine(x.data(), 1, 3), all(y.data(), 1, 6);

    device->kernels().fill(static_cast<Real>(comm.rank() + 1), mine);
    const Index bytes = 3 * static_cast<Index>(sizeof(Real));
    Request request = staged->all_gather(std::as_bytes(x.span()), std::as_writable_bytes(y.span()),
                                         std::vector<Index>{bytes, bytes});
    request.wait();
    device->kernels().scale(10, all);
    device->kernels().fill(0, mine);

    require(y.download() == std::vector<Real>{10, 10, 10, 20, 20, 20}, "what was gathered");
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(strided_sums_under_way_share_the_scratch) {
  run_thread_ranks(2, [](Communicator& comm) {
    const auto device = test::make_foreign_device();
    const auto staged = make_staged_communicator(*device, comm);
    const auto strided = [&](const Array<Real>& memory, Index rows) {
      return View(memory.data(), rows, 2, 3);
    };
    const Array<Real> small(*device, 3 * 4), large(*device, 3 * 500);
    for (const Array<Real>* x : {&small, &large}) {
      device->kernels().fill(1, View(x->data(), 1, x->size()));
    }

    Request first = staged->all_reduce_sum(strided(small, 4));
    Request second = staged->all_reduce_sum(strided(large, 500));
    second.wait();
    first.wait();

    for (const Array<Real>* x : {&small, &large}) {
      const std::vector<Real> found = x->download();
      for (std::size_t i = 0; i < found.size(); ++i) {
        require(found[i] == (i % 3 == 2 ? 1 : 2), "entry {} is {}", i, found[i]);
      }
    }
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(nothing_is_allocated_in_the_steady_state) {
  const auto device = test::make_foreign_device();
  const auto self = make_self_communicator();
  const auto staged = make_staged_communicator(*device, *self);
  const Array<Real> x(*device, 30);
  const auto round = [&] { staged->all_reduce_sum({x.data(), 10, 2, 3}).wait(); };
  round();
  const std::uint64_t allocations = device->allocations();

  for (int i = 0; i < 5; ++i) round();

  BOOST_TEST(device->allocations() == allocations);
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

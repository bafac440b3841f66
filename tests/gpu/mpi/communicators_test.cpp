// The communicator contract on GPUs between processes: staged through the host on any number of
// GPUs, over NCCL where each rank has its own.
#include <boost/test/unit_test.hpp>

#include "comm/checked_communicator.h"
#include "comm/nccl_communicator.h"
#include "comm/staged_communicator.h"
#include "comm/timed_communicator.h"
#include "comm/topology.h"
#include "tests/comm/communicator_contract.h"
#include "tests/comm/device_contract.h"
#include "tests/comm/from_host.h"
#include "tests/gpu/gpus.h"
#include "tests/support/mpi_world.h"

namespace chorale::test {
namespace {

std::unique_ptr<Device> make_own_gpu() {
  const std::vector<Seat> seats = take_seats(mpi_world());
  return make_gpu(seats[static_cast<std::size_t>(mpi_world().rank())].ordinal);
}

// Bare and under both decorators.
void hold_contract(Device& device, Communicator& bare) {
  const auto checked = make_checked_communicator(bare);
  const auto timed = make_timed_communicator(bare);
  for (Communicator* comm : {&bare, checked.get(), static_cast<Communicator*>(timed.get())}) {
    FromHost from_host(device, *comm);
    for (const contract::Check& check : contract::kAll) {
      BOOST_TEST_CONTEXT(check.name) {
        check.run(from_host);
        BOOST_TEST(true);
      }
    }
    contract::hold_on_device(device, *comm);
  }
}

BOOST_AUTO_TEST_SUITE(gpu_ranks, *boost::unit_test::precondition(has_gpu))

BOOST_AUTO_TEST_CASE(staged_ranks_keep_the_contract) {
  const auto device = make_own_gpu();
  hold_contract(*device, *make_staged_communicator(*device, mpi_world()));
}

// All ranks know the seats, so all leave it out or none.
BOOST_AUTO_TEST_CASE(nccl_ranks_keep_the_contract) {
  if (shared_seat(take_seats(mpi_world()))) {
    fmt::print("NCCL is left out: there are fewer GPUs than ranks\n");
    return;
  }
  const auto device = make_own_gpu();
  hold_contract(*device, *make_nccl_communicator(*device, mpi_world()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test

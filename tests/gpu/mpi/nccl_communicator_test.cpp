// The communicator contract over NCCL between processes: a GPU a rank.
#include "comm/nccl_communicator.h"

#include <boost/test/unit_test.hpp>

#include "comm/checked_communicator.h"
#include "comm/timed_communicator.h"
#include "comm/topology.h"
#include "tests/comm/communicator_contract.h"
#include "tests/comm/device_contract.h"
#include "tests/comm/from_host.h"
#include "tests/gpu/gpus.h"
#include "tests/support/mpi_world.h"

namespace chorale::test {
namespace {

// The same on all ranks, as the seats are.
boost::test_tools::assertion_result has_a_gpu_a_rank(boost::unit_test::test_unit_id) {
  if (!has_gpus(1)) return false;
  if (!shared_seat(take_seats(mpi_world()))) return true;
  fmt::print("skipped: fewer GPUs than ranks\n");
  return false;
}

BOOST_AUTO_TEST_SUITE(gpu_nccl, *boost::unit_test::precondition(has_a_gpu_a_rank))

BOOST_AUTO_TEST_CASE(nccl_ranks_keep_the_contract) {
  const std::vector<Seat> seats = take_seats(mpi_world());
  const auto device = make_gpu(seats[static_cast<std::size_t>(mpi_world().rank())].ordinal);
  const auto nccl = make_nccl_communicator(*device, mpi_world());
  const auto checked = make_checked_communicator(*nccl);
  const auto timed = make_timed_communicator(*nccl);
  for (Communicator* comm : {nccl.get(), checked.get(), static_cast<Communicator*>(timed.get())}) {
    FromHost from_host(*device, *comm);
    for (const contract::Check& check : contract::kAll) {
      BOOST_TEST_CONTEXT(check.name) {
        check.run(from_host);
        BOOST_TEST(true);
      }
    }
    contract::hold_on_device(*device, *comm);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test

// The communicator contract on the memory of GPUs, with ranks as threads of one process.
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "comm/nccl_communicator.h"
#include "comm/self_communicator.h"
#include "comm/staged_communicator.h"
#include "comm/thread_communicator.h"
#include "tests/comm/communicator_contract.h"
#include "tests/comm/device_contract.h"
#include "tests/comm/from_host.h"
#include "tests/gpu/gpus.h"

namespace chorale::test {
namespace {

// make(device, host) on so many thread-ranks, which take the GPUs in turn.
template <class Make>
void hold_contract(int ranks, const Make& make) {
  run_thread_ranks(ranks, [&](Communicator& host) {
    const auto device = make_gpu(host.rank() % count_gpus());
    const std::unique_ptr<Communicator> comm = make(*device, host);
    FromHost from_host(*device, *comm);
    for (const contract::Check& check : contract::kAll) check.run(from_host);
    contract::hold_on_device(*device, *comm);
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE(gpu_communicators, *boost::unit_test::precondition(has_gpu))

BOOST_AUTO_TEST_CASE(one_rank_keeps_the_contract) {
  hold_contract(
      1, [](Device& device, Communicator& host) { return make_self_communicator(device, host); });
}

BOOST_AUTO_TEST_CASE(staged_ranks_keep_the_contract) {
  for (const int ranks : {1, 2, 3}) hold_contract(ranks, make_staged_communicator);
}

BOOST_AUTO_TEST_CASE(nccl_ranks_keep_the_contract) {
  for (int ranks = 1; ranks <= std::min(count_gpus(), 4); ++ranks) {
    hold_contract(ranks, [](Device& device, Communicator& host) {
      return make_nccl_communicator(device, host);
    });
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace chorale::test

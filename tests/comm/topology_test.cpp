// Who sits where, and what follows from it; no GPU is needed.
#include "comm/topology.h"

#include <boost/test/unit_test.hpp>

#include "comm/thread_communicator.h"
#include "kernels/check.h"
#include "kernels/device.h"

namespace chorale {
namespace {

// A rank on a host, with one of so many GPUs.
Seat seat(const std::string& host, int gpus, int ordinal) {
  return {host, host + " booted", gpus, ordinal, fmt::format("0000:{:02}:00.0", ordinal)};
}

using Hosts = std::vector<std::string>;
using Numbers = std::vector<int>;

}  // namespace

BOOST_AUTO_TEST_SUITE(topology)

BOOST_AUTO_TEST_CASE(ranks_are_numbered_within_their_host) {
  BOOST_TEST(local_ranks(Hosts{}) == Numbers{});
  BOOST_TEST(local_ranks(Hosts{"a"}) == Numbers{0});
  BOOST_TEST(local_ranks(Hosts{"a", "a", "b", "b", "b"}) == (Numbers{0, 1, 0, 1, 2}));
  BOOST_TEST(local_ranks(Hosts{"a", "b", "a", "c", "b", "a"}) == (Numbers{0, 0, 1, 0, 1, 2}));
}

BOOST_AUTO_TEST_CASE(a_gpu_is_shared_when_two_ranks_of_one_host_take_it) {
  BOOST_TEST(!shared_seat(std::vector{seat("a", 2, 0), seat("a", 2, 1), seat("b", 2, 0)}));

  const auto shared =
      shared_seat(std::vector{seat("a", 2, 0), seat("a", 2, 1), seat("b", 1, 0), seat("b", 1, 0)});

  BOOST_REQUIRE(shared);
  BOOST_TEST(shared->host == "b");
}

// A launcher may show each rank its own GPU only, which is number 0 to every rank.
BOOST_AUTO_TEST_CASE(gpus_are_told_apart_by_address_not_by_number) {
  std::vector<Seat> seats{seat("a", 1, 0), seat("a", 1, 0)};
  BOOST_TEST(shared_seat(seats).has_value());

  seats[1].address = "0000:77:00.0";

  BOOST_TEST(!shared_seat(seats));
  BOOST_CHECK(choose_transport(seats, true) == Transport::nccl);
}

BOOST_AUTO_TEST_CASE(hosts_of_one_name_are_told_apart) {
  std::vector<Seat> seats{seat("localhost", 1, 0), seat("localhost", 1, 0)};

  seats[1].machine = "another";

  BOOST_TEST(!shared_seat(seats));
  BOOST_TEST(describe(seats, "2.28.9") == "2 GPUs of 2 hosts, messages by NCCL 2.28.9");
}

BOOST_AUTO_TEST_CASE(transport_is_nccl_where_every_rank_has_its_own_gpu) {
  const std::vector<Seat> alone{seat("a", 1, 0)};
  const std::vector<Seat> apart{seat("a", 2, 0), seat("a", 2, 1)};
  const std::vector<Seat> together{seat("a", 1, 0), seat("a", 1, 0)};

  for (const bool has_nccl : {true, false}) {
    BOOST_CHECK(choose_transport(alone, has_nccl) == Transport::self);
    BOOST_CHECK(choose_transport(together, has_nccl) == Transport::staged);
  }
  BOOST_CHECK(choose_transport(apart, true) == Transport::nccl);
  BOOST_CHECK(choose_transport(apart, false) == Transport::staged);
}

BOOST_AUTO_TEST_CASE(the_log_says_how_messages_travel) {
  const auto said = [](const std::vector<Seat>& seats) { return describe(seats, "2.28.9"); };

  BOOST_TEST(said({seat("a", 4, 3)}) == "GPU 3 of host a");
  BOOST_TEST(said({seat("a", 2, 0), seat("a", 2, 1)}) ==
             "2 GPUs of host a, messages by NCCL 2.28.9");
  BOOST_TEST(said({seat("a", 2, 0), seat("a", 2, 1), seat("b", 2, 0)}) ==
             "3 GPUs of 2 hosts, messages by NCCL 2.28.9");
  BOOST_TEST(said({seat("a", 2, 0), seat("b", 1, 0), seat("b", 1, 0)}) ==
             "2 ranks share GPU 0 of host b: messages go through the host over MPI");
  BOOST_TEST(describe(std::vector{seat("a", 2, 0), seat("a", 2, 1)}, "") ==
             "2 GPUs of host a, no NCCL in this build: messages go through the host over MPI");
}

BOOST_AUTO_TEST_CASE(ranks_agree_on_who_sits_where) {
  const int gpus = count_gpus();
  for (const int ranks : {1, 3}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      const std::vector<Seat> seats = take_seats(comm);
      require(static_cast<int>(seats.size()) == comm.size(), "{} seats", seats.size());
      for (int r = 0; r < comm.size(); ++r) {
        const Seat& s = seats[static_cast<std::size_t>(r)];
        require(s.host == host_name() && s.machine == seats[0].machine, "host {}", s.host);
        require(s.gpus == gpus && s.ordinal == (gpus == 0 ? 0 : r % gpus), "GPU {}", s.ordinal);
        require(s.address.empty() == (gpus == 0), "address {}", s.address);
      }
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

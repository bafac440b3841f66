// Calls and bytes are counted as the formula says.
// Bytes are exactly those of the formula in the header; seconds are the exposed ones.
#include "comm/timed_communicator.h"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <thread>

#include "comm/thread_communicator.h"
#include "comm/typed.h"
#include "kernels/check.h"

namespace chorale {
namespace {

void expect(const CommStatistics& statistics, Verb verb, Index calls, Index bytes) {
  const CommStatistics::PerVerb& v = statistics[verb];
  require(v.calls == calls && v.bytes_sent == bytes, "{}: {} calls, {} bytes; expected {}, {}",
          name(verb), v.calls, v.bytes_sent, calls, bytes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(timed_communicator)

// The formula at the top of comm/timed_communicator.h, on 3 ranks.
BOOST_AUTO_TEST_CASE(bytes_are_those_of_the_formula) {
  run_thread_ranks(3, [](Communicator& comm) {
    const auto timed = make_timed_communicator(comm);
    const Index me = comm.rank();

    std::vector<Index> sent{1, 2, 3}, received(3, me + 1);  // to rank r: r + 1 words
    std::vector<Index> from(6), to(static_cast<std::size_t>(3 * (me + 1)));
    all_to_all<Index>(*timed, from, sent, to, received).wait();
    all_to_all<Index>(*timed, from, sent, to, received).wait();
    std::vector<std::byte> mine(static_cast<std::size_t>(10 * me)), all(30);
    timed->all_gather(mine, all, std::vector<Index>{0, 10, 20}).wait();
    std::vector<std::byte> text(7);
    timed->broadcast(text, 1).wait();
    std::vector<Real> x(60);
    timed->all_reduce_sum({x.data(), 6, 10}).wait();
    timed->barrier();

    const CommStatistics& s = timed->statistics();
    expect(s, Verb::all_to_all, 2, 2 * 8 * (6 - (me + 1)));
    expect(s, Verb::all_gather, 1, 10 * me * 2);
    expect(s, Verb::broadcast, 1, me == 1 ? 14 : 0);
    expect(s, Verb::all_reduce_sum, 1, 2 * 60 * static_cast<Index>(sizeof(Real)) * 2 / 3);
    expect(s, Verb::barrier, 1, 0);
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_late_rank_is_counted_as_time) {
  run_thread_ranks(2, [](Communicator& comm) {
    const auto timed = make_timed_communicator(comm);
    comm.barrier();
    if (comm.rank() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    timed->barrier();

    const double seconds = timed->statistics()[Verb::barrier].seconds;
    if (comm.rank() == 0) require(seconds > 0.01, "waited 20 ms, counted {} s", seconds);
    require(timed->statistics()[Verb::broadcast].seconds == 0, "no broadcast took place");
  });
  BOOST_TEST(true);
}

// A communicator whose requests are still under way when the call returns.
class Slow final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  Request all_to_all(Bytes, Counts, MutableBytes, Counts) override { return late(); }
  Request all_gather(Bytes, MutableBytes, Counts) override { return late(); }
  Request all_reduce_sum(View) override { return late(); }
  Request broadcast(MutableBytes, int) override { return late(); }
  void barrier() override {}
  Communicator& host() override { return *this; }

 private:
  static Request late() {
    return Request([] { std::this_thread::sleep_for(std::chrono::milliseconds(5)); });
  }
};

BOOST_AUTO_TEST_CASE(time_between_call_and_wait_is_not_exposed) {
  Slow slow;
  const auto timed = make_timed_communicator(slow);

  Request request = timed->broadcast({}, 0);
  const double in_call = timed->statistics()[Verb::broadcast].seconds;
  request.wait();

  BOOST_TEST(in_call < 0.004);
  BOOST_TEST(timed->statistics()[Verb::broadcast].seconds >= 0.005);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

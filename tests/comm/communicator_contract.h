// The contract of comm/communicator.h as checks that every communicator must pass: each is called
// by all ranks of a group and throws where the contract is broken. They throw rather than use
// Boost's assertions, because those may not be called from several threads.
#pragma once

#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "comm/typed.h"
#include "kernels/check.h"
#include "kernels/random.h"

namespace chorale::contract {

using Buffer = std::vector<std::byte>;

// Byte i of what rank `from` says to rank `to` in this round.
inline std::byte spoken(int from, int to, Index round, Index i) {
  return static_cast<std::byte>((from * 131 + to * 29 + round * 17 + i * 7 + (i >> 8)) & 0xff);
}

inline void say(int from, int to, Index round, Index bytes, Buffer& out) {
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(bytes));
  std::byte* next = out.data() + begin;
  for (Index i = 0; i < bytes; ++i) *next++ = spoken(from, to, round, i);
}

inline void expect_equal(const Buffer& found, const Buffer& expected, const char* what) {
  require(found == expected, "{}: {} bytes arrived, not the {} that were sent", what, found.size(),
          expected.size());
}

// One all_to_all in which rank s sends size(s, r) bytes to rank r. Owns its buffers until it has
// checked.
template <class Size>
class Exchange {
 public:
  Exchange(Communicator& comm, Index round, Size size) : comm_(comm), round_(round), size_(size) {
    for (int r = 0; r < comm.size(); ++r) {
      sent_.push_back(size(comm.rank(), r));
      received_.push_back(size(r, comm.rank()));
      say(comm.rank(), r, round, sent_.back(), send_);
    }
    recv_.resize(
        static_cast<std::size_t>(std::accumulate(received_.begin(), received_.end(), 0LL)));
  }
  Request start() { return comm_.all_to_all(send_, sent_, recv_, received_); }
  void check() const {
    Buffer expected;
    for (int s = 0; s < comm_.size(); ++s) {
      say(s, comm_.rank(), round_, size_(s, comm_.rank()), expected);
    }
    expect_equal(recv_, expected, "all_to_all");
  }

 private:
  Communicator& comm_;
  Index round_;
  Size size_;
  Buffer send_, recv_;
  std::vector<Index> sent_, received_;
};

template <class Size>
void exchange(Communicator& comm, Index round, Size size) {
  Exchange one(comm, round, size);
  one.start().wait();
  one.check();
}

inline void all_to_all_brings_every_byte_to_its_place(Communicator& comm) {
  for (const Index scale : {0, 1, 3, 1001, 16411}) {
    exchange(comm, scale, [=](int, int) { return scale; });
    exchange(comm, scale, [=](int s, int r) { return scale * ((2 * s + r) % 3); });  // some zero
    exchange(comm, scale, [=](int s, int r) { return s == 0 && r != 0 ? scale : 0; });
  }
}

// From rank 0 to the last and back, beyond what MPI sends without asking first.
inline void all_to_all_carries_megabytes(Communicator& comm) {
  const int last = comm.size() - 1;
  exchange(comm, 1, [=](int s, int r) {
    return s + r == last && s * r == 0 ? Index{2'000'003} + s : Index{0};
  });
}

inline void gather(Communicator& comm, Index round, const std::vector<Index>& each) {
  Buffer mine, expected;
  say(comm.rank(), 0, round, each[static_cast<std::size_t>(comm.rank())], mine);
  for (int s = 0; s < comm.size(); ++s) {
    say(s, 0, round, each[static_cast<std::size_t>(s)], expected);
  }
  Buffer all(expected.size());
  comm.all_gather(mine, all, each).wait();
  expect_equal(all, expected, "all_gather");
}

inline void all_gather_keeps_rank_order(Communicator& comm) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  gather(comm, 1, std::vector<Index>(ranks, 0));
  gather(comm, 2, std::vector<Index>(ranks, 1));
  gather(comm, 3, std::vector<Index>(ranks, 70'001));
  std::vector<Index> uneven;
  for (int s = 0; s < comm.size(); ++s) uneven.push_back(s % 2 == 0 ? 0 : 4099 * s);
  gather(comm, 4, uneven);
  std::reverse(uneven.begin(), uneven.end());
  gather(comm, 5, uneven);
}

inline void broadcast_reaches_all_from_any_root(Communicator& comm) {
  for (int root = 0; root < comm.size(); ++root) {
    for (const Index bytes : {0, 1, 999, 70'001}) {
      Buffer expected, buffer;
      say(root, root, bytes, bytes, expected);
      buffer = comm.rank() == root ? expected : Buffer(expected.size());
      comm.broadcast(buffer, root).wait();
      expect_equal(buffer, expected, "broadcast");
    }
  }
}

// Integers are summed exactly, whatever the order; rows apart by a stride leave the gaps alone.
inline void all_reduce_sums_element_by_element(Communicator& comm) {
  for (const Index rows : {0, 1, 7, 4099}) {
    const Index cols = 5, stride = 8;
    std::vector<Real> memory(static_cast<std::size_t>(rows * stride), -1);
    const View x(memory.data(), rows, cols, stride);
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < cols; ++j) x(i, j) = static_cast<Real>((comm.rank() + 1) * (i % 9 + j));
    }

    comm.all_reduce_sum(x).wait();

    const Index weight = comm.size() * (comm.size() + 1) / 2;
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < stride; ++j) {
        const Real expected = j < cols ? static_cast<Real>(weight * (i % 9 + j)) : Real{-1};
        const Real found = memory[static_cast<std::size_t>(i * stride + j)];
        require(found == expected, "all_reduce_sum ({}, {}): {}, expected {}", i, j, found,
                expected);
      }
    }
  }
}

inline void all_reduce_gives_the_same_bits_to_all(Communicator& comm) {
  for (const Index n : {3, 1001, 50021}) {
    std::vector<Real> x(static_cast<std::size_t>(n));
    for (Index i = 0; i < n; ++i) {
      x[static_cast<std::size_t>(i)] = static_cast<Real>(
          random_normal({Purpose::test, 5}, static_cast<std::uint64_t>(comm.rank()),
                        static_cast<std::uint64_t>(i)));
    }
    comm.all_reduce_sum({x.data(), 1, n}).wait();
    const std::vector<Real> all = gather_all<Real>(comm.host(), x);
    for (int r = 0; r < comm.size(); ++r) {
      require(std::memcmp(all.data() + r * n, x.data(), x.size() * sizeof(Real)) == 0,
              "all_reduce_sum: ranks {} and {} have different bits", r, comm.rank());
    }
  }
}

// Ranks of a test share one clock: the last to come has come before the first one leaves.
inline void barrier_holds_until_all_have_come(Communicator& comm) {
  for (int late = 0; late < comm.size(); ++late) {
    if (comm.rank() == late) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    const std::int64_t came = std::chrono::steady_clock::now().time_since_epoch().count();
    comm.barrier();
    const std::int64_t left = std::chrono::steady_clock::now().time_since_epoch().count();
    const std::int64_t last_came = agree_max(comm.host(), came);
    const std::int64_t first_left = -agree_max(comm.host(), -left);
    require(last_came <= first_left, "barrier: a rank left {} ns before the last one came",
            last_came - first_left);
  }
}

// Requests of different verbs and sizes under way at once, waited for in order, in reverse, or not
// at all.
inline void several_requests_may_be_under_way(Communicator& comm) {
  enum class Wait { in_order, in_reverse, by_destructor };
  for (const Wait how : {Wait::in_order, Wait::in_reverse, Wait::by_destructor}) {
    const auto size = [](int s, int r) { return Index{100} + 10 * s + r; };
    const auto large = [](int s, int r) { return Index{90'000} + 10 * s + r; };
    Exchange first(comm, 1, size);
    Exchange second(comm, 2, large);
    Exchange third(comm, 3, size);
    Buffer word = comm.rank() == 0 ? Buffer(7, std::byte{42}) : Buffer(7);
    std::vector<Real> sum(1000, static_cast<Real>(comm.rank()));
    {
      std::vector<Request> requests;
      requests.push_back(first.start());
      requests.push_back(second.start());
      requests.push_back(comm.broadcast(word, 0));
      requests.push_back(third.start());
      requests.push_back(comm.all_reduce_sum({sum.data(), 10, 100}));
      if (how == Wait::in_reverse) std::reverse(requests.begin(), requests.end());
      if (how != Wait::by_destructor) {
        for (Request& r : requests) r.wait();
      }
    }
    first.check();
    second.check();
    third.check();
    expect_equal(word, Buffer(7, std::byte{42}), "broadcast");
    const auto expected = static_cast<Real>(comm.size() * (comm.size() - 1) / 2);
    require(sum == std::vector<Real>(1000, expected), "all_reduce_sum among other verbs");
  }
}

inline void many_small_rounds_stay_in_step(Communicator& comm) {
  for (Index round = 0; round < 100; ++round) {
    exchange(comm, round, [=](int s, int r) { return (s + 2 * r + round) % 5; });
    if (round % 10 == 0) comm.barrier();
  }
}

inline void typed_helpers_agree(Communicator& comm) {
  const int me = comm.rank(), ranks = comm.size();
  std::vector<Index> sent;
  for (int r = 0; r < ranks; ++r) sent.push_back(100 * me + r);
  const std::vector<Index> received = exchange_counts(comm.host(), sent);
  for (int s = 0; s < ranks; ++s) {
    require(received[static_cast<std::size_t>(s)] == 100 * s + me, "exchange_counts");
  }

  const std::vector<double> mine(static_cast<std::size_t>(me), me + 0.5);  // rank 0 brings nothing
  std::vector<double> expected;
  for (int s = 0; s < ranks; ++s)
    expected.insert(expected.end(), static_cast<std::size_t>(s), s + 0.5);
  require(gather_all<double>(comm.host(), mine) == expected, "gather_all");
  require(
      agree_max(comm.host(), (me * 7) % 5) ==
          [&] {
            int most = 0;
            for (int s = 0; s < ranks; ++s) most = std::max(most, (s * 7) % 5);
            return most;
          }(),
      "agree_max");

  const std::string text = me == ranks - 1 ? "from the last rank" : "not this";
  require(broadcast_string(comm.host(), text, ranks - 1) == "from the last rank",
          "broadcast_string");
  require(broadcast_string(comm.host(), me == 0 ? "" : "not this").empty(), "empty string");
}

inline void host_is_the_same_group(Communicator& comm) {
  require(comm.host().rank() == comm.rank() && comm.host().size() == comm.size(), "host()");
  require(0 <= comm.rank() && comm.rank() < comm.size(), "rank() and size()");
}

struct Check {
  const char* name;
  void (*run)(Communicator&);
};

inline constexpr Check kAll[] = {
    {"all_to_all_brings_every_byte_to_its_place", all_to_all_brings_every_byte_to_its_place},
    {"all_to_all_carries_megabytes", all_to_all_carries_megabytes},
    {"all_gather_keeps_rank_order", all_gather_keeps_rank_order},
    {"broadcast_reaches_all_from_any_root", broadcast_reaches_all_from_any_root},
    {"all_reduce_sums_element_by_element", all_reduce_sums_element_by_element},
    {"all_reduce_gives_the_same_bits_to_all", all_reduce_gives_the_same_bits_to_all},
    {"barrier_holds_until_all_have_come", barrier_holds_until_all_have_come},
    {"several_requests_may_be_under_way", several_requests_may_be_under_way},
    {"many_small_rounds_stay_in_step", many_small_rounds_stay_in_step},
    {"typed_helpers_agree", typed_helpers_agree},
    {"host_is_the_same_group", host_is_the_same_group},
};

}  // namespace chorale::contract

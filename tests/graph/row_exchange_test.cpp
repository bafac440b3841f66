// Pulling rows and pushing sums against a dense model.
// Pulling and pushing rows against a dense model, with the same bits on any number of ranks.
#include "graph/row_exchange.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <string>

#include "comm/self_communicator.h"
#include "comm/timed_communicator.h"
#include "tests/graph/rank_world.h"

namespace chorale {
namespace {

constexpr Index kCols = 5;

// A list of 101 rows of 23, repeats included; ranks hold contiguous runs of it, as of a batch.
std::vector<Index> batch_of(const Communicator& comm) {
  const Partition positions = Partition::uniform(101, {8, comm.size(), comm.rank()});
  std::vector<Index> wanted;
  for (Index i = positions.first(); i < positions.last(); ++i)
    wanted.push_back(test_below(1, i, 23));
  return wanted;
}

Index first_of_batch(const Communicator& comm) {
  return Partition::uniform(101, {8, comm.size(), comm.rank()}).first();
}

// Runs on 1, 2, 3, 5 and 8 ranks and compares what the ranks return, in rank order, with one
// rank's.
template <class Body>
void same_on_all_rank_counts(const Body& body) {
  std::vector<Real> alone;
  for (const int ranks : {1, 2, 3, 5, 8}) {
    std::vector<Real> together;
    run_thread_ranks(ranks, [&](Communicator& comm) {
      const std::vector<Real> mine = body(comm);
      const std::vector<Real> all = gather_all<Real>(comm, mine);
      if (comm.rank() == 0) together = all;
    });
    if (ranks == 1) alone = together;
    BOOST_TEST(!alone.empty());
    BOOST_TEST(same_bits(together, alone), ranks << " ranks");
  }
}

// y(i, j) of the whole batch, of this rank's part.
Matrix contributions(Communicator& comm, Index rows) {
  Matrix y(rows, kCols);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < kCols; ++j) y(i, j) = test_real(2, first_of_batch(comm) + i, j);
  }
  return y;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(row_exchange)

BOOST_AUTO_TEST_CASE(pull_brings_the_wanted_rows) {
  for (const int ranks : {1, 2, 3, 5, 8}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      RankWorld w;
      const Partition p = uneven_partition(comm);
      const std::vector<Index> wanted = batch_of(comm);
      const RowExchange exchange(*w.device, comm, p, wanted);
      Matrix x = own_rows(p, kCols, [](Index i, Index j) { return test_real(7, i, j); });
      Matrix y(exchange.wanted(), kCols);

      exchange.pull(w.arena, x.view(), y.view());

      for (Index i = 0; i < y.n; ++i) {
        for (Index j = 0; j < kCols; ++j) {
          const Real expected = test_real(7, wanted[static_cast<std::size_t>(i)], j);
          require(y(i, j) == expected, "row {} column {}", i, j);
        }
      }
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(push_add_is_the_dense_sum) {
  Matrix expected(23, kCols);
  for (Index i = 0; i < 101; ++i) {
    for (Index j = 0; j < kCols; ++j) expected(test_below(1, i, 23), j) += test_integer(3, i, j);
  }
  for (const int ranks : {1, 2, 3, 5, 8}) {
    run_thread_ranks(ranks, [&](Communicator& comm) {
      RankWorld w;
      const Partition p = uneven_partition(comm);
      const RowExchange exchange(*w.device, comm, p, batch_of(comm));
      Matrix y(exchange.wanted(), kCols), x(p.local_rows(), kCols, 100);
      for (Index i = 0; i < y.n; ++i) {
        for (Index j = 0; j < kCols; ++j) y(i, j) = test_integer(3, first_of_batch(comm) + i, j);
      }

      exchange.push_add(w.arena, y.view(), x.view());

      for (Index i = 0; i < x.n; ++i) {
        for (Index j = 0; j < kCols; ++j) {
          require(x(i, j) == 100 + Matrix(expected)(p.first() + i, j), "row {} column {}", i, j);
        }
      }
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(push_add_has_the_same_bits_on_any_ranks) {
  same_on_all_rank_counts([](Communicator& comm) {
    RankWorld w;
    const Partition p = uneven_partition(comm);
    const RowExchange exchange(*w.device, comm, p, batch_of(comm));
    Matrix y = contributions(comm, exchange.wanted());
    Matrix x = own_rows(p, kCols, [](Index i, Index j) { return test_real(4, i, j); });
    exchange.push_add(w.arena, y.view(), x.view());
    return x.values;
  });
}

BOOST_AUTO_TEST_CASE(push_has_the_same_bits_on_any_ranks) {
  same_on_all_rank_counts([](Communicator& comm) {
    RankWorld w;
    const RowExchange exchange(*w.device, comm, uneven_partition(comm), batch_of(comm));
    Matrix y = contributions(comm, exchange.wanted());
    Matrix sums(static_cast<Index>(exchange.touched().size()), kCols, 77);
    exchange.push(w.arena, y.view(), sums.view());
    return sums.values;
  });
}

// 2^30 swallows a 1 in float arithmetic, so the sum of {2^30, 1, -2^30, 1} tells its order: in
// order of (rank, position) it is 1; in double everything is exact and it is 2.
BOOST_AUTO_TEST_CASE(contributions_are_summed_by_rank_then_position) {
  const Real big = 1 << 30;
  const Real expected = ((big + 1) + -big) + 1;
  run_thread_ranks(2, [&](Communicator& comm) {
    RankWorld w;
    const Partition p = Partition::uniform(4, make_lanes(2, 2, comm.rank()));
    const std::vector<Index> wanted{3, 0, 3};
    const RowExchange exchange(*w.device, comm, p, wanted);
    Matrix y(3, 1), x(2, 1);
    y(0, 0) = comm.rank() == 0 ? big : -big;
    y(2, 0) = 1;

    exchange.push_add(w.arena, y.view(), x.view());

    if (comm.rank() == 1) require(x(1, 0) == expected, "sum is {}, not {}", x(1, 0), expected);
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(touched_rows_are_distinct_and_ascending) {
  run_thread_ranks(2, [](Communicator& comm) {
    RankWorld w;
    const Partition p = Partition::uniform(10, make_lanes(4, 2, comm.rank()));
    const std::vector<Index> wanted{9, 1, 9, 5, 1};
    const RowExchange exchange(*w.device, comm, p, wanted);
    Matrix y(5, 1, 1), sums(comm.rank() == 0 ? 1 : 2, 1);

    exchange.push(w.arena, y.view(), sums.view());

    const std::vector<LocalIndex> touched(exchange.touched().begin(), exchange.touched().end());
    const std::vector<LocalIndex> expected =
        comm.rank() == 0 ? std::vector<LocalIndex>{1} : std::vector<LocalIndex>{0, 4};
    require(touched == expected, "touched rows");
    const RowExchange lookup(w.arena, comm, p, wanted);
    require(std::ranges::equal(lookup.host_touched(), expected), "touched rows in host memory");
    require(exchange.served() == (comm.rank() == 0 ? 4 : 6), "served {}", exchange.served());
    const std::vector<Real> counts =
        comm.rank() == 0 ? std::vector<Real>{4} : std::vector<Real>{2, 4};
    require(sums.values == counts, "sums");
  });
  BOOST_TEST(true);
}

// The matrix is narrowed to the touched rows and a few more.
BOOST_AUTO_TEST_CASE(a_narrowed_lookup_pulls_and_pushes_the_same_rows) {
  same_on_all_rank_counts([](Communicator& comm) {
    RankWorld w;
    const Partition p = uneven_partition(comm);
    const RowExchange whole(w.arena, comm, p, batch_of(comm));
    std::vector<LocalIndex> held;
    for (LocalIndex r = 0; r < p.local_rows(); ++r) {
      const bool touched = std::ranges::binary_search(whole.host_touched(), r);
      if (touched || (p.first() + r) % 3 == 0) held.push_back(r);
    }
    const auto count = static_cast<Index>(held.size());
    Matrix x = own_rows(p, kCols, [](Index i, Index j) { return test_real(7, i, j); });
    Matrix some(count, kCols), zeros(count, kCols), sums(p.local_rows(), kCols);
    w.device->kernels().gather_rows(x.view(), held, some.view());
    Matrix y(whole.wanted(), kCols), expected(whole.wanted(), kCols);
    Matrix dy = contributions(comm, whole.wanted());

    const RowExchange narrow = whole.within(w.arena, held);
    narrow.pull(w.arena, some.view(), y.view());
    narrow.push_add(w.arena, dy.view(), zeros.view());

    whole.pull(w.arena, x.view(), expected.view());
    whole.push_add(w.arena, dy.view(), sums.view());
    require(same_bits(y.values, expected.values), "pulled rows");
    w.device->kernels().gather_rows(sums.view(), held, some.view());
    require(same_bits(zeros.values, some.values), "pushed sums");
    return y.values;
  });
}

// A list in order of owners takes the way without permutations; views apart by a stride need a
// copy.
BOOST_AUTO_TEST_CASE(halos_and_strided_views_arrive_alike) {
  for (const bool ascending : {true, false}) {
    run_thread_ranks(3, [=](Communicator& comm) {
      RankWorld w;
      const Partition p = uneven_partition(comm);
      const std::vector<Index> wanted =
          ascending ? std::vector<Index>{0, 5, 10, 21, 22} : std::vector<Index>{22, 0, 10, 21, 5};
      const RowExchange exchange(*w.device, comm, p, wanted);
      Matrix x = own_rows(p, 3, [](Index i, Index j) { return static_cast<Real>(10 * i + j); });
      Matrix wide(5, 7, -1), back(p.local_rows(), 3);
      const View y = wide.view().col_block(2, 5);

      exchange.pull(w.arena, x.view(), y);
      exchange.push_add(w.arena, y, back.view());

      for (Index i = 0; i < 5; ++i) {
        for (Index j = 0; j < 7; ++j) {
          const bool inside = 2 <= j && j < 5;
          const Index row = wanted[static_cast<std::size_t>(i)];
          require(wide(i, j) == (inside ? static_cast<Real>(10 * row + j - 2) : -1), "pull");
        }
      }
      for (Index i = 0; i < back.n; ++i) {
        const Index row = p.first() + i;
        const bool is_wanted = std::find(wanted.begin(), wanted.end(), row) != wanted.end();
        require(back(i, 1) == (is_wanted ? static_cast<Real>(3 * (10 * row + 1)) : 0), "push");
      }
    });
    BOOST_TEST(true);
  }
}

// The lookup of one step: index arrays from the arena, so nothing is asked of the device from step
// 3 on.
BOOST_AUTO_TEST_CASE(exchange_in_an_arena_gives_the_same_bits_and_allocates_nothing) {
  for (const int ranks : {1, 3}) {
    run_thread_ranks(ranks, [](Communicator& comm) {
      RankWorld w;
      const Partition p = uneven_partition(comm);
      const RowExchange lasting(*w.device, comm, p, batch_of(comm));
      Matrix y = contributions(comm, lasting.wanted());
      Matrix expected(p.local_rows(), kCols), x(p.local_rows(), kCols);
      lasting.push_add(w.arena, y.view(), expected.view());
      std::uint64_t before = 0;
      for (int step = 0; step < 5; ++step) {
        w.arena.reset();
        if (step == 2) before = w.device->allocations();
        const RowExchange passing(w.arena, comm, p, batch_of(comm));
        x = Matrix(p.local_rows(), kCols);
        passing.push_add(w.arena, y.view(), x.view());
        require(same_bits(x.values, expected.values), "step {}: bits differ", step);
      }
      require(w.device->allocations() == before, "the device was asked for memory");
    });
    BOOST_TEST(true);
  }
}

BOOST_AUTO_TEST_CASE(rank_that_wants_nothing_takes_part) {
  run_thread_ranks(3, [](Communicator& comm) {
    RankWorld w;
    const Partition p = uneven_partition(comm);
    const std::vector<Index> wanted(comm.rank() == 1 ? 4 : 0, 22);
    const RowExchange exchange(*w.device, comm, p, wanted);
    Matrix x(p.local_rows(), 2, static_cast<Real>(comm.rank()));
    Matrix y(exchange.wanted(), 2);

    exchange.pull(w.arena, x.view(), y.view());
    exchange.push_add(w.arena, y.view(), x.view());

    require(y.values == std::vector<Real>(y.values.size(), 2), "pull");
    if (comm.rank() == 2) require(x(p.local_rows() - 1, 0) == 2 + 4 * 2, "push");
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(one_rank_communicates_nothing) {
  RankWorld w;
  const auto comm = make_self_communicator();
  const auto timed = make_timed_communicator(*comm);
  const Partition p = uneven_partition(*timed);
  const RowExchange exchange(*w.device, *timed, p, batch_of(*timed));
  Matrix x(23, kCols), y(101, kCols);

  exchange.pull(w.arena, x.view(), y.view());
  exchange.push_add(w.arena, y.view(), x.view());

  BOOST_TEST(timed->statistics()[Verb::all_to_all].calls == 0);
  BOOST_TEST(timed->statistics()[Verb::all_gather].calls == 0);
  BOOST_TEST(w.arena.high_water() == 0U);
}

BOOST_AUTO_TEST_CASE(scratch_is_given_back) {
  run_thread_ranks(3, [](Communicator& comm) {
    RankWorld w;
    const Partition p = uneven_partition(comm);
    const RowExchange exchange(*w.device, comm, p, batch_of(comm));
    Matrix x(p.local_rows(), kCols), y(exchange.wanted(), kCols);
    std::size_t after_one = 0;
    for (int step = 0; step < 5; ++step) {
      exchange.pull(w.arena, x.view(), y.view());
      exchange.push_add(w.arena, y.view(), x.view());
      if (step == 0) after_one = w.arena.high_water();
    }
    require(w.arena.high_water() == after_one, "scratch grows");
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(row_outside_is_an_error_on_all_ranks) {
  for (const Index outside : {Index{-1}, Index{23}}) {
    for (const int ranks : {1, 3}) {
      std::atomic<int> thrown = 0;
      run_thread_ranks(ranks, [&](Communicator& comm) {
        RankWorld w;
        std::vector<Index> wanted{3, 4};
        if (comm.rank() == comm.size() - 1) wanted.push_back(outside);
        try {
          RowExchange(*w.device, comm, uneven_partition(comm), wanted);
        } catch (const Error& e) {
          if (std::string(e.what()).find("outside [0, 23)") != std::string::npos) ++thrown;
        }
        comm.barrier();
      });
      BOOST_TEST(thrown == ranks);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

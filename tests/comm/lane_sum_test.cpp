// Sums over lanes: one tree, the same bits on any number of ranks.
// Sums over lanes equal the tree's definition to the bit, on any number of ranks.
#include "comm/lane_sum.h"

#include <boost/test/unit_test.hpp>

#include <string>

#include "comm/thread_communicator.h"
#include "kernels/check.h"
#include "tests/comm/lane_sum_reference.h"

namespace chorale {
namespace {

constexpr Index kValues = 37;

std::string roots_of(int count, int first, int last) {
  std::string text;
  for (const LaneRange& r : lane_roots(count, first, last)) {
    text += fmt::format("[{},{})", r.first, r.last);
  }
  return text;
}

// Lane values added up in ascending order within each rank, then over ranks.
std::vector<double> sums_by_rank(int count, int ranks) {
  std::vector<double> total(kValues, 0.0);
  for (int r = 0; r < ranks; ++r) {
    const Lanes lanes = make_lanes(count, ranks, r);
    for (Index i = 0; i < kValues; ++i) {
      double sum = 0;
      for (int l = lanes.begin(); l < lanes.end(); ++l) sum += lane_value<double>(l, i);
      total[static_cast<std::size_t>(i)] += sum;
    }
  }
  return total;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lane_sums)

// The example of comm/lanes.h: 8 lanes on 3 ranks.
BOOST_AUTO_TEST_CASE(roots_are_the_largest_subtrees_that_fit) {
  BOOST_TEST(roots_of(8, 0, 2) == "[0,2)");
  BOOST_TEST(roots_of(8, 2, 5) == "[2,4)[4,5)");
  BOOST_TEST(roots_of(8, 5, 8) == "[5,6)[6,8)");
  BOOST_TEST(roots_of(8, 0, 8) == "[0,8)");
  BOOST_TEST(roots_of(8, 3, 3) == "");
}

// 7 lanes: (((0 1)(2 3))((4 5) 6)).
BOOST_AUTO_TEST_CASE(tree_splits_after_the_larger_half) {
  BOOST_TEST(roots_of(7, 0, 6) == "[0,4)[4,6)");
  BOOST_TEST(roots_of(7, 1, 7) == "[1,2)[2,4)[4,7)");
}

BOOST_AUTO_TEST_CASE(lanes_belong_to_their_owners) {
  for (const int ranks : {1, 2, 3, 5, 7}) {
    for (int lane = 0; lane < 12; ++lane) {
      const int owner = make_lanes(12, ranks, 0).owner(lane);
      const Lanes lanes = make_lanes(12, ranks, owner);
      BOOST_TEST((lanes.begin() <= lane && lane < lanes.end()));
    }
  }
}

BOOST_AUTO_TEST_CASE(fewer_lanes_than_ranks_is_a_usage_error) {
  BOOST_CHECK_EXCEPTION(make_lanes(4, 8, 0), Error, [](const Error& e) {
    return e.code() == Exit::usage &&
           std::string(e.what()) == "run.lanes is 4 but there are 8 ranks";
  });
}

BOOST_AUTO_TEST_CASE(sum_is_the_tree_to_the_bit_on_any_ranks) {
  for (const int count : {12, 64}) {
    const auto expected = tree_sums<double>(count, kValues);
    const auto expected_real = tree_sums<Real>(count, kValues);
    for (int ranks = 1; ranks <= 7; ++ranks) {
      BOOST_TEST_CONTEXT(count << " lanes on " << ranks << " ranks") {
        run_thread_ranks(ranks, [&](Communicator& comm) {
          const Lanes lanes = make_lanes(count, comm.size(), comm.rank());
          require(same_bits(host_lane_sum(comm, lanes, kValues), expected), "host sum differs");
          require(same_bits(device_lane_sum(comm, lanes, kValues), expected_real),
                  "device sum differs");
        });
        BOOST_TEST(true);
      }
    }
  }
}

// The values above tell orders apart: a sum by ranks has other bits.
BOOST_AUTO_TEST_CASE(sum_by_ranks_has_other_bits) {
  for (const int count : {12, 64}) {
    const auto tree = tree_sums<double>(count, kValues);
    for (int ranks = 1; ranks <= 7; ++ranks) {
      BOOST_TEST(!same_bits(sums_by_rank(count, ranks), tree));
    }
  }
}

BOOST_AUTO_TEST_CASE(scratch_is_given_back) {
  run_thread_ranks(3, [](Communicator& comm) {
    const auto device = make_device({.kind = DeviceKind::reference});
    Arena arena(*device);
    const Lanes lanes = make_lanes(12, 3, comm.rank());
    std::vector<Real> total(kValues);
    for (int step = 0; step < 10; ++step) {
      std::vector<Real> partials = lane_values<Real>(lanes, kValues);
      lane_sum(comm, lanes, arena, {partials.data(), lanes.local(), kValues},
               {total.data(), 1, kValues});
    }
    // At most 12 gathered roots and 4 of this rank's own, of 37 values, each rounded up to 64
    // bytes.
    require(arena.high_water() <= 16 * kValues * sizeof(Real) + 128, "scratch grows: {} bytes",
            arena.high_water());
  });
  BOOST_TEST(true);
}

// `lanes: 0`: one lane a rank, summed by the communicator. Integers make the order invisible.
BOOST_AUTO_TEST_CASE(vendor_sums_add_up_the_ranks) {
  run_thread_ranks(4, [](Communicator& comm) {
    const Lanes lanes = make_lanes(0, comm.size(), comm.rank());
    const auto device = make_device({.kind = DeviceKind::reference});
    Arena arena(*device);
    std::vector<Real> partials(5, static_cast<Real>(1 << comm.rank())), total(5);
    lane_sum(comm, lanes, arena, {partials.data(), 1, 5}, {total.data(), 1, 5});
    require(total == std::vector<Real>(5, 15), "all-reduce: {}", total[0]);

    const std::vector<double> mine(5, 1 << comm.rank());
    std::vector<double> sum(5);
    lane_sum(comm, lanes, mine, sum);
    require(sum == std::vector<double>(5, 15.0), "host: {}", sum[0]);
  });
  BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

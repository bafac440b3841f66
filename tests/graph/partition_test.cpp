// Who owns which rows: the worked example of partition.h and its edges.
// Every row has one owner and one lane; the header's worked example holds.
#include "graph/partition.h"

#include <boost/test/unit_test.hpp>

#include "kernels/check.h"

namespace chorale {

BOOST_AUTO_TEST_SUITE(partition)

// The worked example of graph/partition.h.
BOOST_AUTO_TEST_CASE(worked_example_holds) {
  const Partition p = Partition::uniform(10, make_lanes(4, 2, 1));

  BOOST_TEST(p.rows() == 10);
  BOOST_TEST(p.lane_begin(1) == 2);
  BOOST_TEST(p.lane_begin(2) == 5);
  BOOST_TEST(p.lane_begin(3) == 7);
  BOOST_TEST(p.first(0) == 0);
  BOOST_TEST(p.first() == 5);
  BOOST_TEST(p.last() == 10);
  BOOST_TEST(p.local_rows() == 5);
  BOOST_TEST(std::vector<Index>(p.lane_offsets().begin(), p.lane_offsets().end()) ==
                 (std::vector<Index>{0, 2, 5}),
             boost::test_tools::per_element());
  BOOST_TEST(p.owner(3) == 0);
  BOOST_TEST(p.owner(7) == 1);
  BOOST_TEST(!p.owns(4));
  BOOST_TEST(p.owns(5));
  BOOST_TEST(!p.owns(10));
  BOOST_TEST(p.lane_of(4) == 1);
  BOOST_TEST(p.lane_of(5) == 2);
}

BOOST_AUTO_TEST_CASE(every_row_has_one_owner_and_one_lane) {
  const std::vector<Index> boundaries{0,  0,  5,  6, 11,
                                      11, 20, 23, 23};  // lanes 0, 4 and 7 are empty
  for (int ranks = 1; ranks <= 8; ++ranks) {
    for (Index row = 0; row < 23; ++row) {
      int owners = 0;
      const int owner = Partition({8, ranks, 0}, boundaries).owner(row);
      for (int rank = 0; rank < ranks; ++rank) {
        const Partition p({8, ranks, rank}, boundaries);
        owners += p.owns(row);
        BOOST_TEST(p.owns(row) == (rank == owner));
        BOOST_TEST((p.lane_begin(p.lane_of(row)) <= row && row < p.lane_begin(p.lane_of(row) + 1)));
      }
      BOOST_TEST(owners == 1);
    }
  }
}

BOOST_AUTO_TEST_CASE(uniform_lanes_differ_by_one_row_at_most) {
  const Partition p = Partition::uniform(101, make_lanes(12, 5, 3));
  for (int lane = 0; lane < 12; ++lane) {
    const Index size = p.lane_begin(lane + 1) - p.lane_begin(lane);
    BOOST_TEST((size == 8 || size == 9));
  }
}

BOOST_AUTO_TEST_CASE(partitions_are_equal_if_rows_and_ranks_are) {
  const Partition p = Partition::uniform(10, make_lanes(4, 2, 1));

  BOOST_TEST((p == Partition::uniform(10, make_lanes(4, 2, 0))));
  BOOST_TEST(!(p == Partition::uniform(10, make_lanes(4, 1, 0))));
  BOOST_TEST(!(p == Partition::uniform(11, make_lanes(4, 2, 1))));
}

BOOST_AUTO_TEST_CASE(boundaries_must_ascend_from_zero) {
  BOOST_CHECK_THROW(Partition(make_lanes(2, 1, 0), {0, 5, 4}), Error);
  BOOST_CHECK_THROW(Partition(make_lanes(2, 1, 0), {1, 2, 3}), Error);
  BOOST_CHECK_THROW(Partition(make_lanes(2, 1, 0), {0, 3}), Error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

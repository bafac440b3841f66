// Gradients: how contributions of each form become one, in which order, with which bits.
#include "embedding/gradient.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <mutex>

#include "comm/thread_communicator.h"
#include "embedding/optimize.h"
#include "tests/embedding/helpers.h"

namespace chorale::test {
namespace {

// A (rows, cols) weight's gradient from `lanes` lane contributions, as `ranks` ranks sum it; every
// rank's copy.
std::vector<std::vector<Real>> sum_of_lanes(int ranks, int lanes, Index rows, Index cols) {
  std::vector<std::vector<Real>> found(static_cast<std::size_t>(ranks));
  run_thread_ranks(ranks, [&](Communicator& comm) {
    const auto device = make_device({});
    Arena arena(*device);
    const Lanes l = make_lanes(lanes, comm.size(), comm.rank());
    Gradient gradient;
    for (int i = 0; i < l.local(); ++i) {
      const View v = gradient.lanes(arena, l.local(), rows * cols).row_block(i, i + 1);
      set(*device, v, numbers(static_cast<std::uint64_t>(l.begin() + i), rows * cols));
    }
    found[static_cast<std::size_t>(comm.rank())] =
        host(*device, gradient.reduce_dense(arena, comm, l, rows, cols));
  });
  return found;
}

std::vector<LocalIndex> rows_of(Device& device, const SparsePart& part) {
  std::vector<LocalIndex> rows(part.rows.size());
  device.download(rows.data(), part.rows.data(), part.rows.size_bytes());
  return rows;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(gradients)

BOOST_AUTO_TEST_CASE(a_new_gradient_is_empty_and_so_is_a_cleared_one) {
  Rank rank;
  Gradient dense, sparse, lanes;
  BOOST_TEST((dense.is_empty() && !dense.is_sparse()));

  dense.dense(rank.arena, 2, 2);
  sparse.add(rank.part({0}, {1, 2}, 2));
  lanes.lanes(rank.arena, 3, 4);

  for (Gradient* g : {&dense, &sparse, &lanes}) {
    BOOST_TEST(!g->is_empty());
    BOOST_TEST(g->is_sparse() == (g == &sparse));
    g->clear();
    BOOST_TEST(g->is_empty());
  }
}

BOOST_AUTO_TEST_CASE(a_dense_gradient_is_zero_when_first_asked_for_and_kept_afterwards) {
  Rank rank;
  Gradient g;
  View(rank.arena.take_view(3, 2));
  set(*rank.device, rank.arena.take_view(3, 2), {1, 1, 1, 1, 1, 1});
  rank.arena.reset();  // the next view is memory with other contents

  const View first = g.dense(rank.arena, 3, 2);
  BOOST_TEST(host(*rank.device, first) == std::vector<Real>(6));
  set(*rank.device, first, {1, 2, 3, 4, 5, 6});

  BOOST_TEST(host(*rank.device, g.dense(rank.arena, 3, 2)) ==
             (std::vector<Real>{1, 2, 3, 4, 5, 6}));
  BOOST_CHECK_THROW(g.dense(rank.arena, 2, 3), Error);
}

BOOST_AUTO_TEST_CASE(sparse_parts_are_added_to_the_dense_gradient) {
  Rank rank;
  Gradient g;
  set(*rank.device, g.dense(rank.arena, 4, 2), {1, 1, 2, 2, 3, 3, 4, 4});
  g.add(rank.part({1, 3}, {10, 20, 30, 40}, 2));
  g.add(rank.part({0, 1}, {100, 200, 300, 400}, 2));
  g.add(rank.part({}, {}, 2));

  const ConstView sum = g.reduce_dense(rank.arena, *rank.comm, {.count = 2}, 4, 2);

  BOOST_TEST(host(*rank.device, sum) == (std::vector<Real>{101, 201, 312, 422, 3, 3, 34, 44}));
}

BOOST_AUTO_TEST_CASE(one_part_is_returned_as_it_is) {
  Rank rank;
  Gradient g;
  const SparsePart part = rank.part({1, 5}, {1, 2, 3, 4}, 2);
  g.add(part);

  const SparsePart reduced = g.reduce_sparse(rank.arena, 2);

  BOOST_TEST(reduced.values.data == part.values.data);
  BOOST_TEST(reduced.rows.data() == part.rows.data());
}

BOOST_AUTO_TEST_CASE(parts_merge_by_row) {
  Rank rank;
  Gradient g;
  g.add(rank.part({2, 7}, {1, 2, 3, 4}, 2));
  g.add(rank.part({}, {}, 2));
  g.add(rank.part({0, 2, 9}, {10, 20, 30, 40, 50, 60}, 2));

  const SparsePart sum = g.reduce_sparse(rank.arena, 2);

  BOOST_TEST(rows_of(*rank.device, sum) == (std::vector<LocalIndex>{0, 2, 7, 9}));
  BOOST_TEST(std::ranges::equal(sum.host_rows, rows_of(*rank.device, sum)));
  BOOST_TEST(host(*rank.device, sum.values) == (std::vector<Real>{10, 20, 31, 42, 3, 4, 50, 60}));
}

BOOST_AUTO_TEST_CASE(parts_are_summed_in_the_order_they_were_added) {
  // Large numbers in the last place of which a small one is lost: (big + small) - big is 0, and
  // (big - big) + small is small.
  const Real big = std::is_same_v<Real, float> ? Real(0x1p30) : Real(0x1p60);
  const auto sum = [](std::vector<Real> values, bool dense) {
    Rank rank;
    Gradient g;
    for (const Real v : values) g.add(rank.part({0}, {v}, 1));
    if (dense) return host(*rank.device, g.reduce_dense(rank.arena, *rank.comm, {}, 1, 1))[0];
    return host(*rank.device, g.reduce_sparse(rank.arena, 1).values)[0];
  };

  for (const bool dense : {false, true}) {
    BOOST_TEST(sum({big, 1, -big}, dense) == 0);
    BOOST_TEST(sum({big, -big, 1}, dense) == 1);
  }
}

BOOST_AUTO_TEST_CASE(sums_of_lanes_have_the_same_bits_on_any_number_of_ranks) {
  for (const int lanes : {4, 7, 8}) {
    const std::vector<Real> alone = sum_of_lanes(1, lanes, 13, 5)[0];
    for (int ranks = 1; ranks <= 4; ++ranks) {
      for (const std::vector<Real>& mine : sum_of_lanes(ranks, lanes, 13, 5)) {
        BOOST_TEST(mine == alone, lanes << " lanes on " << ranks << " ranks");
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_lane_nobody_wrote_to_is_zero) {
  Rank rank;
  Gradient g;
  set(*rank.device, rank.arena.take_view(3, 4), std::vector<Real>(12, 9));
  rank.arena.reset();
  set(*rank.device, g.lanes(rank.arena, 3, 4).row_block(1, 2), {1, 2, 3, 4});

  const ConstView sum = g.reduce_dense(rank.arena, *rank.comm, {.count = 3}, 2, 2);

  BOOST_TEST(host(*rank.device, sum) == (std::vector<Real>{1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(one_step_on_a_replicated_table_gives_all_ranks_the_same_bits) {
  const auto values_after_a_step = [](int ranks) {
    std::vector<std::vector<Real>> found(static_cast<std::size_t>(ranks));
    run_thread_ranks(ranks, [&](Communicator& comm) {
      const auto device = make_device({});
      Arena arena(*device);
      const Lanes l = make_lanes(6, comm.size(), comm.rank());
      const auto adam = make_optimizer("adam", Options({}));
      Table weight(*device, "w", l, 7, 3, xavier_uniform_values(1, "w", 7, 3));
      weight.allocate_state(adam->state(3));
      for (int i = 0; i < l.local(); ++i) {
        const View v = weight.gradient().lanes(arena, l.local(), 21).row_block(i, i + 1);
        set(*device, v, numbers(static_cast<std::uint64_t>(l.begin() + i), 21));
      }
      const Trained tables[] = {{&weight}};
      optimize(*adam, tables, arena, comm, device->kernels(), 0.01, 1);
      found[static_cast<std::size_t>(comm.rank())] = host(*device, weight.values());
    });
    return found;
  };

  const std::vector<Real> alone = values_after_a_step(1)[0];

  for (int ranks = 2; ranks <= 4; ++ranks) {
    for (const auto& mine : values_after_a_step(ranks)) BOOST_TEST(mine == alone);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

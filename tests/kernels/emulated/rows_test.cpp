// What the catalogue is too small for: many and long lanes, more rows than a device is full of.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <vector>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "tests/kernels/emulated/host_queue.h"
#include "tests/kernels/scene.h"

namespace chorale::test {
namespace {

struct Lanes {
  std::vector<Index> begin{0};
  Index rows() const { return begin.back(); }
  Index count() const { return static_cast<Index>(begin.size()) - 1; }
};

// 150 lanes: most short, some empty, one of many chunks amid them and one of a few at the end.
Lanes uneven() {
  Lanes lanes;
  for (Index l = 0; l < 150; ++l) {
    const Index length = l == 70 ? 2500 : l == 149 ? 200 : l % 4;
    lanes.begin.push_back(lanes.rows() + length);
  }
  return lanes;
}

std::vector<Real> results(View y) { return {y.data, y.data + y.rows}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(rows)

BOOST_AUTO_TEST_CASE(lanes_may_be_many_and_long) {
  const Lanes lanes = uneven();
  const ReferenceKernels reference;
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index d : {1, 7, 64}) {
    Scene scene({.n = lanes.rows(), .d = d, .exact = true});
    const ConstView x = scene.in(lanes.rows(), d);
    const View expected = scene.out(lanes.count(), 1), found = scene.out(lanes.count(), 1);

    reference.half_squares(x, lanes.begin, expected);
    cuda.half_squares(x, lanes.begin, found);
    BOOST_TEST(results(expected) == results(found));  // sums of integers

    reference.lane_totals(x, lanes.begin, expected);
    cuda.lane_totals(x, lanes.begin, found);
    BOOST_TEST(results(expected) == results(found));
  }
}

BOOST_AUTO_TEST_CASE(sum_of_a_lane_depends_on_that_lane_only) {
  const Lanes lanes = uneven();
  HostQueue queue;
  const CudaKernels cuda(queue);
  Scene scene({.n = lanes.rows(), .d = 64, .exact = false});
  const Index n = lanes.rows();
  const ConstView u = scene.in(n, 64), p = scene.in(n, 64), q = scene.in(n, 64);
  const View together = scene.out(lanes.count(), 1), alone = scene.out(1, 1);
  const View slopes = scene.out(n, 1), own = scene.out(n, 1);

  cuda.bpr(u, p, q, lanes.begin, slopes, together);

  for (Index l : {1, 70, 149}) {
    const auto at = static_cast<std::size_t>(l);
    const Index first = lanes.begin[at], last = lanes.begin[at + 1];
    const Index bounds[] = {0, last - first};
    cuda.bpr(u.row_block(first, last), p.row_block(first, last), q.row_block(first, last), bounds,
             own.row_block(first, last), alone);
    BOOST_TEST(alone(0, 0) == together(l, 0));
    for (Index i = first; i < last; ++i) BOOST_TEST(own(i, 0) == slopes(i, 0));
  }
}

BOOST_AUTO_TEST_CASE(result_of_a_row_does_not_depend_on_how_many_there_are) {
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index d : {7, 64, 130}) {
    constexpr Index kRows = 700, kFirst = 333, kLast = 350;
    Scene scene({.n = kRows, .d = d, .exact = false});
    const ConstView x = scene.in(kRows, d), y = scene.in(kRows, d);
    const View all = scene.out(kRows, 1), some = scene.out(kRows, 1);

    cuda.row_dots(x, y, all);
    cuda.row_dots(x.row_block(kFirst, kLast), y.row_block(kFirst, kLast),
                  some.row_block(kFirst, kLast));

    for (Index i = kFirst; i < kLast; ++i) BOOST_TEST(some(i, 0) == all(i, 0));
    for (Index i = 0; i < kRows; ++i) {
      double expected = 0;
      for (Index j = 0; j < d; ++j) {
        expected += static_cast<double>(x(i, j)) * static_cast<double>(y(i, j));
      }
      BOOST_TEST(std::abs(static_cast<double>(all(i, 0)) - expected) <
                 1e-5);  // 130 terms below one
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

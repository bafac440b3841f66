// Products of matrices and rankings at sizes where the CUDA kernels cut their work: many groups,
// long sums, many items.
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "tests/kernels/emulated/host_queue.h"
#include "tests/kernels/scene.h"

namespace chorale::test {
namespace {

bool equal_bits(const ConstView& a, const ConstView& b) {
  bool equal = a.rows == b.rows && a.cols == b.cols;
  for (Index i = 0; equal && i < a.rows; ++i) {
    equal = std::memcmp(a.row(i), b.row(i), static_cast<std::size_t>(a.cols) * sizeof(Real)) == 0;
  }
  return equal;
}

// 250 groups: none, one, or a few rows each, one of 400.
std::vector<Index> many_groups() {
  std::vector<Index> begin{0};
  for (Index g = 0; g < 250; ++g) {
    begin.push_back(begin.back() + (g == 101 ? 400 : g % 3 == 0 ? 0 : g % 7));
  }
  return begin;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(products)

BOOST_AUTO_TEST_CASE(each_of_many_groups_has_its_own_matrix) {
  const std::vector<Index> begin = many_groups();
  const Index n = begin.back(), groups = static_cast<Index>(begin.size()) - 1;
  const ReferenceKernels reference;
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index m : {9, 20, 70}) {
    const auto run = [&](const Kernels& k) {
      Scene s({.n = n, .d = 5, .exact = true});
      const ConstView x = s.in(n, 5), dy = s.in(n, m), w = s.in(groups, 5 * m);
      k.grouped_gemm(x, begin, w, s.out(n, m));
      k.grouped_gemm_nt(dy, begin, w, s.out(n, 5));
      k.grouped_gemm_tn(x, begin, dy, s.out(groups, 5 * m));
      BOOST_TEST(s.is_intact());
      return s.results();
    };

    BOOST_TEST((run(cuda) == run(reference)));
  }
}

BOOST_AUTO_TEST_CASE(a_row_of_a_product_does_not_depend_on_the_others) {
  const Index n = 300, k = 64;
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index m : {13, 32, 64, 100}) {
    Scene s({.n = n, .d = k, .exact = false});
    const ConstView x = s.in(n, k), w = s.in(k, m), wt = s.in(m, k);
    const View whole = s.out(n, m), part = s.out(77, m);
    const View whole_nt = s.out(n, m), part_nt = s.out(77, m);
    for (const View& y : {whole_nt, part_nt}) cuda.fill(0, y);

    cuda.gemm(x, w, whole);
    cuda.gemm_nt(x, wt, whole_nt);
    cuda.gemm(x.row_block(150, 227), w, part);
    cuda.gemm_nt(x.row_block(150, 227), wt, part_nt);

    BOOST_TEST(equal_bits(whole.row_block(150, 227), part));
    BOOST_TEST(equal_bits(whole_nt.row_block(150, 227), part_nt));
  }
}

// 1024 / 64 tiles: sixteen chunks of 144 rows, the last of which is short.
BOOST_AUTO_TEST_CASE(long_sums_are_summed_whole) {
  const ReferenceKernels reference;
  HostQueue queue;
  const CudaKernels cuda(queue);
  const auto run = [](const Kernels& k) {
    Scene s({.n = 2200, .d = 4033, .exact = true});
    k.gemm_tn(s.in(2200, 4033), s.in(2200, 3), s.out(4033, 3));
    BOOST_TEST(s.is_intact());
    return s.results();
  };

  BOOST_TEST((run(cuda) == run(reference)));
}

BOOST_AUTO_TEST_CASE(the_sum_of_a_lane_does_not_depend_on_the_other_lanes) {
  HostQueue queue;
  const CudaKernels cuda(queue);
  Scene s({.n = 1400, .d = 20, .exact = false});
  const ConstView x = s.in(1400, 20), dy = s.in(1400, 33);
  const std::vector<Index> lanes{0, 300, 300, 1301, 1400};
  const View all = s.out(4, 20 * 33), one = s.out(20, 33);
  cuda.fill(0, all);
  cuda.fill(0, one);

  cuda.grouped_gemm_tn(x, lanes, dy, all);
  cuda.gemm_tn(x.row_block(300, 1301), dy.row_block(300, 1301), one);

  BOOST_TEST(equal_bits(ConstView(all.row(2), 20, 33), one));
}

// Products of integers: many scores are equal and are told apart by ids, which do not ascend.
BOOST_AUTO_TEST_CASE(long_lists_of_many_items_are_those_of_the_reference) {
  const ReferenceKernels reference;
  HostQueue queue;
  const CudaKernels cuda(queue);
  const Index users = 5, items = 4500;
  for (Index k : {3, 100, 1000}) {
    const auto run = [&](const Kernels& kernels) {
      Scene s({.n = users, .d = 3, .exact = true});
      std::vector<Index> ids(static_cast<std::size_t>(items));
      for (Index c = 0; c < items; ++c) ids[static_cast<std::size_t>(c)] = 10 + c * 1357 % items;
      const ConstView x = s.in(users, 3);
      const View y = s.state(items, 3);
      y(4444, 1) = std::numeric_limits<Real>::quiet_NaN();
      y(17, 0) = std::numeric_limits<Real>::infinity();
      const TopK best = s.lists(users, k);
      kernels.update_top_k(x, y, ids.data(), s.masked(users, items), best);
      std::vector<double> found(best.ids, best.ids + users * k);
      for (Index i = 0; i < users * k; ++i) {
        found.push_back(std::isnan(best.scores[i]) ? -1e9 : static_cast<double>(best.scores[i]));
      }
      return found;
    };

    BOOST_TEST((run(cuda) == run(reference)));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

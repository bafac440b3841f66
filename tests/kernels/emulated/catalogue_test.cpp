// The CUDA kernels, run thread by thread on the host, against the reference; and in both orders of
// their threads and blocks, which shows races.
#include <boost/test/unit_test.hpp>
#include <vector>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "simt.h"
#include "tests/kernels/agreement.h"
#include "tests/kernels/emulated/host_queue.h"

namespace chorale::test {
namespace {

constexpr Index kWidths[] = {1, 7, 64, 65, 130};
constexpr Index kHeights[] = {0, 1, 7, 37, 131};

void agrees_with_the_reference(const CatalogueRow& row) {
  const ReferenceKernels reference;
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index n : kHeights) {
    for (Index d : kWidths) {
      for (bool exact : {true, false}) {
        const bool strided = (n / 2 + d) % 2 == 1;  // and not: rows of 16-byte words, if d is 64
        compare(reference, cuda, row, {.n = n, .d = d, .exact = exact, .strided = strided});
      }
    }
  }
}

void order_of_threads_does_not_matter(const CatalogueRow& row) {
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index d : {7, 64, 130}) {
    const SceneOptions options{.n = 131, .d = d, .exact = false};

    const std::vector<double> ascending = run(cuda, row, options);
    cuda::set_order(cuda::Order::descending);
    const std::vector<double> descending = run(cuda, row, options);
    cuda::set_order(cuda::Order::ascending);

    BOOST_TEST(equal_bits(ascending, descending));
  }
}

// Sixteen bytes at once or four times four: the same order of summation.
void addresses_do_not_matter(const CatalogueRow& row) {
  HostQueue queue;
  const CudaKernels cuda(queue);
  for (Index d : {64, 260}) {
    const std::vector<double> packed = run(cuda, row, {.n = 37, .d = d, .exact = false});
    const std::vector<double> strided =
        run(cuda, row, {.n = 37, .d = d, .exact = false, .strided = true});

    BOOST_TEST(equal_bits(packed, strided));
  }
}

// One test case a kernel, by its name: --run_test=agrees/spmm
struct OneCaseAKernel {
  OneCaseAKernel(const char* suite, void (*test)(const CatalogueRow&)) {
    namespace ut = boost::unit_test;
    auto* all = BOOST_TEST_SUITE(suite);
    for (const CatalogueRow& row : catalogue()) {
      all->add(ut::make_test_case([test, &row] { test(row); }, row.name, __FILE__, __LINE__));
    }
    ut::framework::master_test_suite().add(all);
  }
};
const OneCaseAKernel agrees("agrees", agrees_with_the_reference);
const OneCaseAKernel anywhere("anywhere", addresses_do_not_matter);
const OneCaseAKernel unordered("unordered", order_of_threads_does_not_matter);

}  // namespace
}  // namespace chorale::test

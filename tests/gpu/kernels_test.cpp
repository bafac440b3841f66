// The catalogue of kernels on a GPU against the reference, one test case a kernel:
// --run_test=gpu_agrees/spmm. The scene lies in host memory that the GPU reads and writes.
#include <boost/test/unit_test.hpp>

#include "kernels/reference/reference_kernels.h"
#include "tests/gpu/gpus.h"
#include "tests/gpu/pinned_memory.h"
#include "tests/kernels/agreement.h"

namespace chorale::test {
namespace {

// A GPU, and memory in small pieces: pinning pages takes long.
struct Bench {
  std::unique_ptr<Device> device = make_gpu(0);
  std::unique_ptr<std::pmr::memory_resource> pinned = make_pinned_memory();
  std::pmr::unsynchronized_pool_resource pool{pinned.get()};

  SceneOptions scene(Index n, Index d, bool exact) {
    const bool strided = (n + d) % 2 == 1;
    return {.n = n,
            .d = d,
            .exact = exact,
            .strided = strided,
            .memory = &pool,
            .device = device.get()};
  }
};

void agrees_with_the_reference(const CatalogueRow& row) {
  const ReferenceKernels reference;
  Bench bench;
  for (const Index n : {0, 1, 7, 37, 131, 1009}) {
    for (const Index d : {1, 7, 64, 65, 130}) {
      for (const bool exact : {true, false}) {
        compare(reference, bench.device->kernels(), row, bench.scene(n, d, exact));
      }
    }
  }
}

void gives_the_same_bits_again(const CatalogueRow& row) {
  Bench bench;
  const SceneOptions options = bench.scene(2003, 64, false);
  const std::vector<double> first = run(bench.device->kernels(), row, options);

  for (int i = 0; i < 5; ++i)
    BOOST_TEST(equal_bits(run(bench.device->kernels(), row, options), first));
}

struct OneCaseAKernel {
  OneCaseAKernel(const char* suite, void (*test)(const CatalogueRow&)) {
    namespace ut = boost::unit_test;
    auto* all = BOOST_TEST_SUITE(suite);
    for (const CatalogueRow& row : catalogue()) {
      all->add(ut::make_test_case([test, &row] { test(row); }, row.name, __FILE__, __LINE__));
    }
    all->add_precondition(has_gpu);
    ut::framework::master_test_suite().add(all);
  }
};
const OneCaseAKernel agrees("gpu_agrees", agrees_with_the_reference);
const OneCaseAKernel repeats("gpu_repeats", gives_the_same_bits_again);

}  // namespace
}  // namespace chorale::test

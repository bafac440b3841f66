// The catalogue of kernels on a GPU against the reference, one test case a kernel:
// --run_test=kernels/agree/spmm. The scene lies in host memory that the GPU reads and writes.
#include <boost/test/unit_test.hpp>
#include <initializer_list>

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

void compare_sizes(const CatalogueRow& row, std::initializer_list<Index> heights,
                   std::initializer_list<Index> widths) {
  const ReferenceKernels reference;
  Bench bench;
  for (const Index n : heights) {
    for (const Index d : widths) {
      for (const bool exact : {true, false}) {
        compare(reference, bench.device->kernels(), row, bench.scene(n, d, exact));
      }
    }
  }
}

void agrees_with_the_reference(const CatalogueRow& row) {
  compare_sizes(row, {0, 1, 7, 37, 131}, {1, 7, 64, 65, 130});
}

void agrees_on_many_rows(const CatalogueRow& row) { compare_sizes(row, {1009}, {64, 130}); }

void gives_the_same_bits_again(const CatalogueRow& row) {
  Bench bench;
  const SceneOptions options = bench.scene(2003, 64, false);
  const std::vector<double> first = run(bench.device->kernels(), row, options);

  for (int i = 0; i < 5; ++i) {
    BOOST_TEST(equal_bits(run(bench.device->kernels(), row, options), first));
  }
}

struct OneCaseAKernel {
  OneCaseAKernel() {
    namespace ut = boost::unit_test;
    auto* all = BOOST_TEST_SUITE("kernels");
    all->add_precondition(has_gpu);
    const auto add = [&](const char* name, void (*test)(const CatalogueRow&)) {
      auto* suite = BOOST_TEST_SUITE(name);
      for (const CatalogueRow& row : catalogue()) {
        suite->add(ut::make_test_case([test, &row] { test(row); }, row.name, __FILE__, __LINE__));
      }
      all->add(suite);
    };
    add("agree", agrees_with_the_reference);
    add("agree_on_many_rows", agrees_on_many_rows);
    add("repeat", gives_the_same_bits_again);
    ut::framework::master_test_suite().add(all);
  }
};
const OneCaseAKernel cases;

}  // namespace
}  // namespace chorale::test

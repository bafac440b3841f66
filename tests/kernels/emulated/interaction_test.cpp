// Layers of bi-interaction with more rows than the CUDA kernels take at a time: several lanes at
// once, and a lane that is cut.
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <vector>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "tests/kernels/emulated/host_queue.h"
#include "tests/kernels/scene.h"

namespace chorale::test {
namespace {

constexpr Index kRows = 70003, kColumns = 2, kWidth = 3;

struct Found {
  std::vector<double> numbers;
  std::vector<std::uint8_t> bits;
};

// On integers, so that no order of sums matters.
Found run(const Kernels& k) {
  Scene s({.n = kRows, .d = kColumns, .exact = true});
  std::vector<Index> names;
  for (Index i = 0; i < kRows; ++i) names.push_back(7 * i + 3);
  const BiInteraction layer{.self = 1,
                            .slope = Real(0.25),
                            .mask = {.seed = 5, .step = 7, .op = 2, .rate = Real(0.5)},
                            .global_row = names.data(),
                            .w_sum = s.in(kColumns, kWidth),
                            .b_sum = s.in(1, kWidth),
                            .w_product = s.in(kColumns, kWidth),
                            .b_product = s.in(1, kWidth)};
  const ConstView e = s.in(kRows, kColumns), n = s.in(kRows, kColumns);
  Found found;
  found.bits.resize(static_cast<std::size_t>(kRows * kWidth));
  k.bi_interaction(layer, e, n, found.bits.data(), s.out(kRows, kWidth));

  // Sums of a lane stay below 2^24: a few rows have a gradient.
  const View dy = s.out(kRows, kWidth);
  for (Index i = 0; i < kRows; ++i) {
    for (Index j = 0; j < kWidth; ++j) dy(i, j) = i % 97 == j ? Real(i % 5 - 2) : Real(0);
  }
  const Index lanes[] = {0, 20, 300, 300, 40000, 40010, kRows};
  const BiInteractionWeights dw{s.out(6, kColumns * kWidth), s.out(6, kWidth),
                                s.out(6, kColumns * kWidth), s.out(6, kWidth)};
  k.bi_interaction_grad(layer, e, n, found.bits.data(), dy, lanes, true, s.out(kRows, kColumns),
                        s.out(kRows, kColumns), dw);
  BOOST_TEST(s.is_intact());
  found.numbers = s.results();
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(interaction)

BOOST_AUTO_TEST_CASE(many_rows_are_those_of_the_reference) {
  HostQueue queue;
  const Found found = run(CudaKernels(queue)), expected = run(ReferenceKernels());

  BOOST_TEST((found.bits == expected.bits));
  BOOST_TEST((found.numbers == expected.numbers));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

// Rounding to bf16, and products of numbers in bf16, small enough to verify on paper.
#include "kernels/bf16.h"

#include <bit>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

const ReferenceKernels reference;

}  // namespace

BOOST_AUTO_TEST_SUITE(bf16_suite)

// Eight binary digits: 256, 258 and 260 are neighbours, ties go to the even 256 and 260.
BOOST_AUTO_TEST_CASE(rounding_to_bf16_is_to_nearest_with_ties_to_even) {
  const auto rounded = [](double x) { return widen(round_to_bf16(static_cast<Real>(x))); };

  BOOST_TEST(rounded(1.5) == 1.5);
  BOOST_TEST(rounded(257) == 256);
  BOOST_TEST(rounded(257.01) == 258);
  BOOST_TEST(rounded(259) == 260);
  BOOST_TEST(rounded(-259) == -260);
  BOOST_TEST(rounded(0.0) == 0);
  BOOST_TEST(rounded(3.4e38) == std::numeric_limits<Real>::infinity());
  BOOST_TEST(std::isnan(rounded(std::bit_cast<float>(0x7fffffffu))));
}

BOOST_AUTO_TEST_CASE(a_product_in_bf16_sums_in_real_and_rounds_once) {
  // Row 0: 128 x_1 + 3 ghost_0 = 256 + 3, which is not in bf16; row 1 is empty.
  const std::vector<Index> begin{0, 2, 2};
  const std::vector<LocalIndex> columns{1, 2};
  const std::vector<Real> values{128, 3};
  const CsrView a{2, 2, 1, begin.data(), columns.data(), values.data(), 2};
  const std::vector<Bf16> x{round_to_bf16(7), round_to_bf16(2)}, ghost{round_to_bf16(1)};
  const Bf16Product product{.x = {x.data(), 2, 1, 1}, .ghost = {ghost.data(), 1, 1, 1}};
  std::vector<Real> y{5, 5}, added{5, 5}, some{5};
  std::vector<Bf16> rounded(2, round_to_bf16(5));
  const std::vector<LocalIndex> only{0};

  Bf16Product p = product;
  p.y = {y.data(), 2, 1}, p.scale = 2;
  reference.spmm_bf16(a, p);
  p.y = {added.data(), 2, 1}, p.scale = 1, p.add = true;
  reference.spmm_bf16(a, p);
  p.y = {some.data(), 1, 1}, p.rows = only;
  reference.spmm_bf16(a, p);
  p = product, p.rounded = {rounded.data(), 2, 1, 1};
  reference.spmm_bf16(a, p);

  BOOST_TEST(y == (std::vector<Real>{518, 0}), boost::test_tools::per_element());
  BOOST_TEST(added == (std::vector<Real>{264, 5}), boost::test_tools::per_element());
  BOOST_TEST(some == (std::vector<Real>{264}), boost::test_tools::per_element());
  BOOST_TEST(widen(rounded[0]) == 260);
  BOOST_TEST(widen(rounded[1]) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

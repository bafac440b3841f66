// The reference's sums over pairs of rows, and the small kernels around them, on paper.
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "kernels/random.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

const double kClose = 16 * static_cast<double>(std::numeric_limits<Real>::epsilon());
const ReferenceKernels kernels;

struct Column {
  std::vector<Real> data;
  Index size() const { return static_cast<Index>(data.size()); }
  operator View() { return {data.data(), size(), 1}; }             // NOLINT: a column is its view
  operator ConstView() const { return {data.data(), size(), 1}; }  // NOLINT
  void expect(const std::vector<double>& expected) const {
    BOOST_REQUIRE(data.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      BOOST_TEST(std::abs(static_cast<double>(data[i]) - expected[i]) <=
                 kClose * std::max(1.0, std::abs(expected[i])));
    }
  }
};

// With this scale e_ij = 2^(a_i b_j) for rows of one column.
const Pairs kPowersOfTwo{.scale = std::numbers::ln2_v<Real>};

}  // namespace

BOOST_AUTO_TEST_SUITE(reference_contrast_suite)

BOOST_AUTO_TEST_CASE(exponential_sums_of_powers_of_two) {
  Column a{{1, 2}}, b{{0, 3}}, y{{100, 100}}, second{{0}}, self{{0, 0}}, shifted{{0, 0}};
  Column shifts{{0, std::numbers::ln2_v<Real>}};
  Pairs p = kPowersOfTwo;

  kernels.exp_sums(p, a, b, 0, y);       // 2^0 + 2^3, 2^0 + 2^6
  kernels.exp_sums(p, a, b, 1, second);  // the second row alone
  kernels.exp_self_sums(p, a, 0, self);  // 2^2 for both
  p.shifts = shifts;
  kernels.exp_sums(p, a, b, 0, shifted);

  y.expect({109, 165});
  second.expect({65});
  self.expect({4, 4});
  shifted.expect({9, 32.5});
}

BOOST_AUTO_TEST_CASE(pairs_of_equal_names_are_left_out) {
  Column a{{1, 2}}, b{{0, 3}}, y{{0, 0}}, largest{{0, 0}}, da{{0, 0}}, db{{0, 0}}, g{{1, 10}};
  const std::vector<Index> a_names{7, 8}, b_names{8, 9};
  Pairs p = kPowersOfTwo;
  p.a_names = a_names.data();
  p.b_names = b_names.data();

  kernels.exp_sums(p, a, b, 0, y);  // of the second row only 2^6
  kernels.max_products({.scale = -2, .a_names = a_names.data(), .b_names = b_names.data()}, a, b, 0,
                       largest);
  kernels.exp_sums_grad(p, a, b, g, 0, da, 0, db);

  const double ln2 = std::numbers::ln2;
  y.expect({9, 64});
  largest.expect({0, -12});
  da.expect({ln2 * 8 * 3, ln2 * 10 * 64 * 3});
  db.expect({ln2 * 1, ln2 * (8 + 10 * 64 * 2)});
}

BOOST_AUTO_TEST_CASE(gradients_of_exponential_sums_give_to_both_sides) {
  Column a{{1, 2}}, b{{0, 3}}, g{{1, 10}}, da{{0, 0}}, db{{0, 0}}, self{{0, 5}};

  kernels.exp_sums_grad(kPowersOfTwo, a, b, g, 0, da, 0, db);
  kernels.exp_self_sums_grad(kPowersOfTwo, a, g, 0, self);  // w = 11 * 2^2

  const double ln2 = std::numbers::ln2;
  da.expect({ln2 * 8 * 3, ln2 * 640 * 3});
  db.expect({ln2 * (1 + 10 * 2), ln2 * (8 + 640 * 2)});
  self.expect({ln2 * 44 * 2, 5 + ln2 * 44});
}

BOOST_AUTO_TEST_CASE(products_of_rows) {
  std::vector<Real> x{1, 2, 3, 4}, y{5, 6, 7, 8};
  Column dots{{0, 0}}, c{{2, 10}};
  const View vx(x.data(), 2, 2), vy(y.data(), 2, 2);

  kernels.row_dots(vx, vy, dots);
  kernels.add_scaled_rows(c, vx, vy);

  dots.expect({17, 53});
  BOOST_TEST(y == (std::vector<Real>{7, 10, 37, 48}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rows_are_dropped_where_dropout_drops_their_first_element) {
  const Index n = 200;
  std::vector<Real> x(static_cast<std::size_t>(2 * n), 3), rows = x, elements = x, sums = x;
  std::vector<Index> names;
  for (Index i = 0; i < n; ++i) names.push_back(7 * i);
  const DropoutMask mask{.seed = 3, .step = 4, .op = 1, .rate = Real(0.25)};

  kernels.drop_rows(mask, names.data(), View(x.data(), n, 2), {rows.data(), n, 2});
  kernels.drop_rows_add(mask, names.data(), View(x.data(), n, 2), {sums.data(), n, 2});
  kernels.dropout(mask, names.data(), View(x.data(), n, 2), {elements.data(), n, 2});

  Index dropped = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
    BOOST_TEST(rows[2 * i] == elements[2 * i]);
    BOOST_TEST(rows[2 * i + 1] == rows[2 * i]);
    BOOST_TEST(sums[2 * i + 1] == 3 + rows[2 * i + 1]);
    dropped += rows[2 * i] == 0;
  }
  BOOST_TEST(dropped > n / 8);  // of 50 expected, with a deviation of 6
  BOOST_TEST(dropped < 3 * n / 8);
}

BOOST_AUTO_TEST_CASE(noise_has_its_length_and_points_away_from_the_axes) {
  std::vector<Real> x{1, -2, 0, 5, -1, 1, 4, 0}, y(8);
  const std::vector<Index> names{11, 12};
  const Noise noise{.seed = 1, .step = 2, .op = 3, .length = Real(0.5)};

  kernels.add_noise(noise, names.data(), View(x.data(), 1, 8), {y.data(), 1, 8});

  double squares = 0, of_zeros = 0;
  for (std::uint64_t j = 0; j < 8; ++j) {
    const auto bits =
        random_bits({Purpose::noise, 1}, dropout_step(2, 3), dropout_index(11, j / 4));
    const double r = static_cast<double>(uniform_of_word(bits.word[j % 4]));
    squares += r * r;
    of_zeros += x[j] == 0 ? r * r : 0;
    BOOST_TEST((x[j] == 0 ? y[j] == 0 : std::abs(y[j]) >= std::abs(x[j])));
  }
  double moved = 0;
  for (std::size_t j = 0; j < 8; ++j) moved += std::pow(static_cast<double>(y[j] - x[j]), 2);
  // Zeros keep their place, so their part of the length is missing; sums of size five round.
  BOOST_TEST(std::abs(moved - 0.25 * (1 - of_zeros / squares)) <= 5 * kClose);
}

BOOST_AUTO_TEST_CASE(powers_of_norms_keep_directions_and_zeros) {
  std::vector<Real> x{3, 4, 0, 0, 0, 16}, y(6);

  kernels.scale_rows_by_norm(Real(0.5), View(x.data(), 3, 2), {y.data(), 3, 2});

  const double root = std::sqrt(5.0);
  const std::vector<double> expected{3 / root, 4 / root, 0, 0, 0, 4};
  for (std::size_t i = 0; i < 6; ++i) {
    BOOST_TEST(std::abs(static_cast<double>(y[i]) - expected[i]) <= kClose);
  }
}

BOOST_AUTO_TEST_CASE(totals_of_lanes) {
  std::vector<Real> x{1, 2, 3, 4, 5, 6};
  const std::vector<Index> lanes{0, 1, 1, 3};
  Column totals{{9, 9, 9}};

  kernels.lane_totals(View(x.data(), 3, 2), lanes, totals);

  totals.expect({3, 0, 18});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

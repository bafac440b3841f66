// Sums over pairs of rows on the CPU: the same bits whichever rows are own, and how exact they are.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/cpu/cpu_kernels.h"
#include "tests/kernels/scene.h"

namespace chorale::test {
namespace {

constexpr double kEpsilon = static_cast<double>(std::numeric_limits<Real>::epsilon());
constexpr Real kInfinity = std::numeric_limits<Real>::infinity();

// Three blocks of rows, the last of them not full, against three; with names and shifts.
struct Fixture {
  static constexpr Index n = 300, m = 263, d = 24;
  CpuKernels cpu{1};
  Scene s{{.n = n, .d = d, .exact = false}};
  ConstView a = s.in(n, d), b = s.in(m, d), g = s.in(n, 1);
  Pairs plain{.scale = Real(0.5), .shift = Real(0.25)}, named = plain;

  Fixture() {
    named.shifts = s.in(n, 1);
    named.a_names = names(n, 7);
    named.b_names = names(m, 5);
  }
  const Index* names(Index rows, Index classes) {
    std::vector<Index> list;
    for (Index i = 0; i < rows; ++i)
      list.push_back(i % classes + (i % 2 == 0 ? Index{1} << 33 : 0));
    return s.keep(std::move(list));
  }
  View zeros(Index rows, Index cols) {
    const View v = s.out(rows, cols);
    cpu.fill(0, v);
    return v;
  }

  // `run` fills the rows [first, first + rows of y) of its whole output.
  void expect_same_bits_for_parts(Index rows, Index cols,
                                  const std::function<void(Index first, View y)>& run) {
    const View whole = zeros(rows, cols);
    run(0, whole);
    for (const auto& [first, last] : {std::pair<Index, Index>{0, 1},
                                      {100, 140},
                                      {127, 128},
                                      {128, 256},
                                      {129, 131},
                                      {250, rows}}) {
      const View part = zeros(last - first, cols);
      run(first, part);
      for (Index i = first; i < last; ++i) {
        for (Index j = 0; j < cols; ++j) {
          BOOST_REQUIRE_MESSAGE(part(i - first, j) == whole(i, j),
                                "row " << i << " of [" << first << ", " << last << ")");
        }
      }
    }
  }
};

// A column of the exponents x_i as the products of one-dimensional rows with the row 1.
std::vector<Real> exponentials(const std::vector<Real>& x) {
  const CpuKernels cpu(1);
  const Real one = 1;
  std::vector<Real> y(x.size(), 0);
  const Index n = static_cast<Index>(x.size());
  cpu.exp_sums({}, {x.data(), n, 1}, {&one, 1, 1}, 0, {y.data(), n, 1});
  return y;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(contrast_suite, Fixture)

BOOST_AUTO_TEST_CASE(an_own_row_receives_the_same_bits_whichever_rows_are_own) {
  for (const Pairs& p : {plain, named}) {
    expect_same_bits_for_parts(n, 1, [&](Index first, View y) { cpu.exp_sums(p, a, b, first, y); });
    expect_same_bits_for_parts(n, 1,
                               [&](Index first, View y) { cpu.max_products(p, a, b, first, y); });
    expect_same_bits_for_parts(
        n, d, [&](Index first, View y) { cpu.exp_sums_grad(p, a, b, g, first, y, 0, {}); });
    expect_same_bits_for_parts(
        m, d, [&](Index first, View y) { cpu.exp_sums_grad(p, a, b, g, 0, {}, first, y); });
  }
  expect_same_bits_for_parts(n, 1,
                             [&](Index first, View y) { cpu.exp_self_sums(plain, a, first, y); });
  expect_same_bits_for_parts(
      n, d, [&](Index first, View y) { cpu.exp_self_sums_grad(plain, a, g, first, y); });
}

BOOST_AUTO_TEST_CASE(one_side_of_a_gradient_does_not_depend_on_the_other) {
  const View da = zeros(n, d), db = zeros(m, d), da_alone = zeros(n, d), db_alone = zeros(m, d);
  const View da_part = zeros(40, d);

  cpu.exp_sums_grad(named, a, b, g, 0, da, 0, db);
  cpu.exp_sums_grad(named, a, b, g, 0, da_alone, 0, {});
  cpu.exp_sums_grad(named, a, b, g, 120, da_part, 0, db_alone);

  for (Index j = 0; j < d; ++j) {
    for (Index i = 0; i < n; ++i) BOOST_TEST(da(i, j) == da_alone(i, j));
    for (Index i = 0; i < m; ++i) BOOST_TEST(db(i, j) == db_alone(i, j));
    for (Index i = 0; i < 40; ++i) BOOST_TEST(da(120 + i, j) == da_part(i, j));
  }
}

BOOST_AUTO_TEST_CASE(blocks_are_added_in_ascending_order) {
  const View sums = zeros(n, 1), by_block = zeros(n, 1);
  const View da = zeros(n, d), db = zeros(m, d), da_by_block = zeros(n, d),
             db_by_block = zeros(m, d);

  cpu.exp_sums(plain, a, b, 0, sums);
  cpu.exp_sums_grad(plain, a, b, g, 0, da, 0, db);
  for (Index first = 0; first < n; first += 128) {
    const Index end = std::min<Index>(first + 128, n), end_of_b = std::min<Index>(first + 128, m);
    cpu.exp_sums(plain, a, b.row_block(first, end_of_b), 0, by_block);
    cpu.exp_sums_grad(plain, a, b.row_block(first, end_of_b), g, 0, da_by_block, 0, {});
    cpu.exp_sums_grad(plain, a.row_block(first, end), b, g.row_block(first, end), 0, {}, 0,
                      db_by_block);
  }

  for (Index i = 0; i < n; ++i) BOOST_TEST(sums(i, 0) == by_block(i, 0));
  for (Index j = 0; j < d; ++j) {
    for (Index i = 0; i < n; ++i) BOOST_TEST(da(i, j) == da_by_block(i, j));
    for (Index i = 0; i < m; ++i) BOOST_TEST(db(i, j) == db_by_block(i, j));
  }
}

BOOST_AUTO_TEST_CASE(sums_of_unit_vectors_are_exact_to_the_roundings_of_their_products) {
  const View x = s.out(n, 64), inverse = s.out(n, 1), sums = zeros(n, 1);
  cpu.normalize_rows(s.in(n, 64), x, inverse);

  cpu.exp_self_sums({.scale = 5, .shift = 1}, x, 0, sums);

  for (Index i = 0; i < n; ++i) {
    long double expected = 0;
    for (Index j = 0; j < n; ++j) {
      long double dot = 0;
      for (Index t = 0; t < 64; ++t) dot += static_cast<long double>(x(i, t)) * x(j, t);
      if (j != i) expected += std::exp(5 * dot - 1);
    }
    const double error = std::abs(static_cast<double>(sums(i, 0) / expected - 1));
    // A product of size 5 rounds its scale and 64 fused steps, the exponential and a sum of some
    // 20 + 4 terms a few times more, each by half an epsilon.
    BOOST_TEST(error <= (5 * 65 + 30) / 2 * kEpsilon);
  }
}

BOOST_AUTO_TEST_CASE(an_exponential_is_exact_to_two_epsilon_near_zero) {
  std::vector<Real> x;
  for (int i = -1000; i <= 1000; ++i) x.push_back(static_cast<Real>(i) / 1024);

  const std::vector<Real> y = exponentials(x);

  for (std::size_t i = 0; i < x.size(); ++i) {
    const long double expected = std::exp(static_cast<long double>(x[i]));
    BOOST_TEST(std::abs(static_cast<double>(y[i] / expected - 1)) <= 2 * kEpsilon, x[i]);
  }
}

BOOST_AUTO_TEST_CASE(exponentials_beyond_the_numbers_are_infinite_zero_or_nan) {
  const Real far = sizeof(Real) == 4 ? 90 : 710;

  const std::vector<Real> y =
      exponentials({far, 10 * far, kInfinity, -far, -10 * far, -kInfinity,
                    std::numeric_limits<Real>::quiet_NaN(), Real(0.98) * far, Real(-0.96) * far});

  for (const int i : {0, 1, 2}) BOOST_TEST(y[static_cast<std::size_t>(i)] == kInfinity);
  for (const int i : {3, 4, 5}) BOOST_TEST(y[static_cast<std::size_t>(i)] == 0);
  BOOST_TEST(std::isnan(y[6]));
  BOOST_TEST(std::isfinite(y[7]));
  BOOST_TEST(y[8] > 0);
}

BOOST_AUTO_TEST_CASE(a_row_without_pairs_gets_nothing_and_the_least_maximum) {
  const std::vector<Index> same_of_a(n, 5), same_of_b(m, 5);
  Pairs none = plain;
  none.a_names = same_of_a.data();
  none.b_names = same_of_b.data();
  const View sums = zeros(n, 1), maxima = zeros(n, 1), da = zeros(n, d), db = zeros(m, d);
  const View no_rows = zeros(n, 1);

  cpu.exp_sums(none, a, b, 0, sums);
  cpu.max_products(none, a, b, 0, maxima);
  none.shifts = maxima;  // as the softmax of such a row would have it
  cpu.exp_sums_grad(none, a, b, g, 0, da, 0, db);
  cpu.exp_sums(plain, a, ConstView(nullptr, 0, d), 0, no_rows);

  for (Index i = 0; i < n; ++i) {
    BOOST_TEST(sums(i, 0) == 0);
    BOOST_TEST(maxima(i, 0) == -kInfinity);
    BOOST_TEST(no_rows(i, 0) == 0);
    BOOST_TEST(da(i, 3) == 0);
  }
  for (Index j = 0; j < m; ++j) BOOST_TEST(db(j, 3) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

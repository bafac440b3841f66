// MMHCL's contrast on paper: closed forms, its expected value at the start, sums in tiles against
// one plain sum, and rows that have no direction.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "comm/self_communicator.h"
#include "kernels/device.h"
#include "kernels/random.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale::test {
namespace {

constexpr double kEpsilon = static_cast<double>(std::numeric_limits<Real>::epsilon());

std::vector<Index> range(Index n) {
  std::vector<Index> rows;
  for (Index i = 0; i < n; ++i) rows.push_back(i);
  return rows;
}

// Two views a, b:(n,d) of independent normal numbers.
struct Views {
  std::unique_ptr<Communicator> comm = make_self_communicator();
  std::unique_ptr<Device> device;
  Lanes lanes = make_lanes(4, 1, 0);
  Table a, b;
  Tape tape;

  Views(Index n, Index d, DeviceKind kind = DeviceKind::cpu)
      : device(make_device({.kind = kind})),
        a(*device, "a", Partition::uniform(n, lanes), d, range(n), normal_values(1, "a", 1.0)),
        b(*device, "b", Partition::uniform(n, lanes), d, range(n), normal_values(1, "b", 1.0)),
        tape(*device, *comm, lanes, 5) {}

  void both_are(Real (*value)(Index row, Index column)) {
    for (Index i = 0; i < a.rows(); ++i) {
      for (Index j = 0; j < a.cols(); ++j) a.values()(i, j) = b.values()(i, j) = value(i, j);
    }
  }
  double loss(double temperature, bool backward = false) {
    tape.reset(0, true);
    const Var loss = synergistic_contrast(tape.leaf(a), tape.leaf(b), temperature);
    const double value = tape.total(loss);
    if (backward) tape.backward(loss);
    return value;
  }
  ConstView gradient(Table& t) {
    return t.gradient().reduce_dense(tape.arena(), *comm, lanes, t.rows(), t.cols());
  }
};

std::vector<std::vector<double>> directions(const Table& t) {
  std::vector<std::vector<double>> rows;
  for (Index i = 0; i < t.rows(); ++i) {
    std::vector<double> x;
    double squares = 0;
    for (Index j = 0; j < t.cols(); ++j) {
      x.push_back(static_cast<double>(t.values()(i, j)));
      squares += x.back() * x.back();
    }
    for (double& value : x) value /= std::sqrt(squares);
    rows.push_back(x);
  }
  return rows;
}

double dot(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t j = 0; j < x.size(); ++j) sum += x[j] * y[j];
  return sum;
}

// The formula of losses.h in one sum a row.
double plain_contrast(const Table& a, const Table& b, double temperature) {
  const auto x = directions(a), y = directions(b);
  double loss = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    double others = 0;
    for (std::size_t j = 0; j < x.size(); ++j) {
      if (j != i) others += std::exp(dot(x[i], x[j]) / temperature);
      others += std::exp(dot(x[i], y[j]) / temperature);
    }
    loss += std::log(others) - dot(x[i], y[i]) / temperature;
  }
  return loss / static_cast<double>(x.size());
}

bool is_zero(ConstView g, Index row) {
  for (Index j = 0; j < g.cols; ++j) {
    if (g(row, j) != 0) return false;
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(synergistic)

// Rows are orthogonal to all others: n - 1 cosines of 0 in each view, and one of 1 in the other.
BOOST_AUTO_TEST_CASE(identical_views_of_orthogonal_rows_have_a_closed_form) {
  constexpr Index n = 12;
  Views views(n, n);
  views.both_are([](Index i, Index j) { return static_cast<Real>(i == j ? 1 + i % 3 : 0); });

  for (const double temperature : {0.4, 0.6, 1.0}) {
    const double scale = 1 / temperature, found = views.loss(temperature);

    const double expected = std::log(2.0 * (n - 1) + std::exp(scale)) - scale;
    // Of a row: exponents to e^-2.5 and a sum of 23 terms, 30 eps of a logarithm below 4, and 2.5
    // taken off; 12 such rows are added and divided.
    BOOST_TEST(std::abs(found - expected) <= (30 + 4 * 16) * kEpsilon);
  }
}

// n rows of a view in random directions, both views the same: a cosine of two rows has mean 0 and
// variance 1 / d, so e^{cos / T} is on average e^{1 / (2 d T^2)} (to 2e-5 here, its fourth moment
// being less than a normal one's).
BOOST_AUTO_TEST_CASE(random_directions_have_the_expected_value_of_the_start) {
  constexpr Index n = 1009, d = 64;
  constexpr double kTemperature = 0.5;
  Views views(n, d);
  views.both_are([](Index i, Index j) {
    return static_cast<Real>(random_normal({Purpose::test, 3}, static_cast<std::uint64_t>(i),
                                           static_cast<std::uint64_t>(j)));
  });

  const double found = views.loss(kTemperature);

  const double expected =
      std::log(2.0 * n * std::exp(1 / (2 * d * kTemperature * kTemperature))) - 1 / kTemperature;
  // The formula counts 2 n average terms; they are 2 n - 2 and one of e^{1 / T} = 7.4: 0.0026
  // more. A mean over n^2 / 2 pairs of relative deviation 0.25 deviates by 0.0004.
  BOOST_TEST(std::abs(found - expected) <= 0.0026 + 3 * 0.0004);
}

// Sizes on both sides of a tile of 128, and one of several tiles.
BOOST_AUTO_TEST_CASE(sums_in_tiles_are_one_plain_sum) {
  constexpr Index d = 20;
  for (const DeviceKind kind : {DeviceKind::cpu, DeviceKind::reference}) {
    for (const Index n : {1, 2, 127, 128, 129, 300}) {
      Views views(n, d, kind);

      const double found = views.loss(0.5);

      // An exponent 2 cos is off by 2 (d + 10) eps, a sum of 2 n terms by at most 2 n eps of itself
      // (tiles add fewer in a row), a logarithm below 8 by 8 eps, a sum over 75 rows of a lane by
      // 75 eps of 8.
      const double tolerance = (60.0 + 2.0 * static_cast<double>(n) + 8 + 8 * 75) * kEpsilon;
      BOOST_TEST(std::abs(found - plain_contrast(views.a, views.b, 0.5)) <= tolerance, n);
    }
  }
}

// h of a user who shares no item with anybody is zero and has no direction: normalisation leaves it
// zero and gives it no gradient, where dividing by its length would give one of 1e12.
BOOST_AUTO_TEST_CASE(a_row_of_zeros_gets_no_gradient_and_spoils_no_other) {
  constexpr Index n = 31, d = 6, kIsolated = 5;
  for (const DeviceKind kind : {DeviceKind::cpu, DeviceKind::reference}) {
    Views views(n, d, kind);
    for (Index j = 0; j < d; ++j) views.b.values()(kIsolated, j) = 0;

    const double loss = views.loss(0.5, true);
    const ConstView da = views.gradient(views.a), db = views.gradient(views.b);

    BOOST_TEST(std::isfinite(loss));
    for (Index i = 0; i < n; ++i) {
      BOOST_TEST(is_zero(db, i) == (i == kIsolated));
      BOOST_TEST(!is_zero(da, i));
      for (Index j = 0; j < d; ++j) {
        // A pair weighs at most e^4 / (2 n - 1) = 0.9 in its row's sum and 0.9 / (n T) in the mean:
        // 2 n pairs and the row's own give less than 4 by a direction, and rows are longer than
        // 0.4.
        BOOST_TEST(std::abs(da(i, j)) <= 10);
        BOOST_TEST(std::abs(db(i, j)) <= 10);
      }
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

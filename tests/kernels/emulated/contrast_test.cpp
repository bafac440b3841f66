// Sums over pairs of rows on a GPU: the same bits whichever rows are own and however many blocks
// there are, sums longer than what the matrix units may add, and how exact they are.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/reference/reference_kernels.h"
#include "tests/kernels/emulated/host_queue.h"
#include "tests/kernels/scene.h"

namespace chorale::test {
namespace {

constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
constexpr int kFew = 1;     // processors: walks of four tiles of own rows and more are not split
constexpr int kMany = 999;  // all are

// Four tiles of own rows, the last of them not full, and more other rows than there are sections
// of one tile; with names and shifts, too.
struct Fixture {
  static constexpr Index n = 400, m = 530, d = 24;
  HostQueue whole_queue{kFew}, split_queue{kMany};
  CudaKernels cuda{whole_queue}, split{split_queue};
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
    for (Index i = 0; i < rows; ++i) std::fill_n(v.row(i), cols, Real(0));
    return v;
  }

  using Run = std::function<void(const CudaKernels&, Index first, View y)>;

  // `run` fills the rows [first, first + rows of y) of its whole output.
  void expect_same_bits_for_parts(Index rows, Index cols, const Run& run) {
    const View whole = zeros(rows, cols);
    run(cuda, 0, whole);
    for (const auto& [first, last] : {std::pair<Index, Index>{0, rows}, {120, 140}, {200, rows}}) {
      for (const CudaKernels* k : {&cuda, &split}) {
        const View part = zeros(last - first, cols);
        run(*k, first, part);
        for (Index i = first; i < last; ++i) {
          for (Index j = 0; j < cols; ++j) {
            BOOST_REQUIRE_MESSAGE(part(i - first, j) == whole(i, j),
                                  "row " << i << " of [" << first << ", " << last << ")");
          }
        }
      }
    }
  }
};

// The largest difference of two results, and of the first from zero.
struct Difference {
  double largest = 0, size = 0;
};
Difference difference(ConstView x, ConstView y) {
  Difference of;
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) {
      of.largest = std::max(of.largest, std::abs(static_cast<double>(x(i, j) - y(i, j))));
      of.size = std::max(of.size, std::abs(static_cast<double>(x(i, j))));
    }
  }
  return of;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cuda_contrast_suite, Fixture)

BOOST_AUTO_TEST_CASE(an_own_row_receives_the_same_bits_whichever_rows_are_own) {
  for (const Pairs& p : {plain, named}) {
    expect_same_bits_for_parts(
        n, 1, [&](const CudaKernels& k, Index first, View y) { k.exp_sums(p, a, b, first, y); });
    expect_same_bits_for_parts(n, d, [&](const CudaKernels& k, Index first, View y) {
      k.exp_sums_grad(p, a, b, g, first, y, 0, {});
    });
    expect_same_bits_for_parts(m, d, [&](const CudaKernels& k, Index first, View y) {
      k.exp_sums_grad(p, a, b, g, 0, {}, first, y);
    });
  }
  expect_same_bits_for_parts(n, 1, [&](const CudaKernels& k, Index first, View y) {
    k.max_products(named, a, b, first, y);
  });
  expect_same_bits_for_parts(n, 1, [&](const CudaKernels& k, Index first, View y) {
    k.exp_self_sums(plain, a, first, y);
  });
  expect_same_bits_for_parts(n, d, [&](const CudaKernels& k, Index first, View y) {
    k.exp_self_sums_grad(plain, a, g, first, y);
  });
}

// Exponents are zero, so every exponential is one, and sums count.
BOOST_AUTO_TEST_CASE(every_pair_counts_once_wherever_the_last_tile_ends) {
  const std::vector<Real> ones(130, 1);
  for (const Index rows : {31, 32, 33, 63, 64, 65, 95, 127, 128, 129}) {
    const ConstView all(ones.data(), rows, 1);
    const View zero = zeros(rows, 1), sums = zeros(1, 1), self = zeros(rows, 1);
    const View da = zeros(1, 1), db = zeros(1, 1), dself = zeros(1, 1);

    cuda.exp_sums({}, zero, all, 0, sums);
    cuda.exp_sums_grad({}, zero, all, all, 0, da, 0, {});
    cuda.exp_sums_grad({}, all, zero, all, 0, {}, 0, db);
    cuda.exp_self_sums({}, zero, 0, self);
    cuda.exp_self_sums_grad({.shift = 1}, all, all, 0, dself);

    BOOST_TEST(sums(0, 0) == rows);
    BOOST_TEST(da(0, 0) == rows);
    BOOST_TEST(db(0, 0) == rows);
    BOOST_TEST(dself(0, 0) == 2 * (rows - 1));
    for (Index i = 0; i < rows; ++i) BOOST_TEST(self(i, 0) == rows - 1);
  }
}

// 2,100 other rows are sections of more than 256 rows, which is where sums leave the matrix units.
BOOST_AUTO_TEST_CASE(long_sums_agree_with_the_reference) {
  const ReferenceKernels reference;
  const Index rows = 2100, width = 70;
  const ConstView x = s.in(3, width), z = s.in(rows, width), gx = s.in(3, 1), gz = s.in(rows, 1);
  const Pairs p{.scale = Real(1) / 32};
  const View dx = zeros(3, width), expected = zeros(3, width), dself = zeros(3, width),
             expected_self = zeros(3, width);

  cuda.exp_sums_grad(p, x, z, gx, 0, dx, 0, {});
  reference.exp_sums_grad(p, x, z, gx, 0, expected, 0, {});
  split.exp_self_sums_grad(p, z, gz, 600, dself);
  reference.exp_self_sums_grad(p, z, gz, 600, expected_self);

  // 2,100 terms of at most scale e^(70 / 32) = 0.28, each to 2^-15 of its size; signs are mixed.
  const double allowed = 0.28 * std::ldexp(1, -15) * std::sqrt(2100);
  BOOST_TEST(difference(dx, expected).largest <= allowed);
  BOOST_TEST(difference(dself, expected_self).largest <= 2 * allowed);
}

BOOST_AUTO_TEST_CASE(sums_of_unit_vectors_are_exact_to_the_parts_that_two_terms_leave_out) {
  const ReferenceKernels reference;
  const View x = s.out(n, 64), inverse = s.out(n, 1), sums = zeros(n, 1), rough = zeros(n, 1);
  reference.normalize_rows(s.in(n, 64), x, inverse);
  const CudaKernels bf16(whole_queue, {.bf16_contrast = true});

  cuda.exp_self_sums({.scale = 5, .shift = 1}, x, 0, sums);
  bf16.exp_self_sums({.scale = 5, .shift = 1}, x, 0, rough);

  double worst = 0, worst_of_bf16 = 0;
  for (Index i = 0; i < n; ++i) {
    double expected = 0;
    for (Index j = 0; j < n; ++j) {
      double dot = 0;
      for (Index t = 0; t < 64; ++t) {
        dot += static_cast<double>(x(i, t)) * static_cast<double>(x(j, t));
      }
      if (j != i) expected += std::exp(5 * dot - 1);
    }
    BOOST_REQUIRE(std::isfinite(sums(i, 0)));
    worst = std::max(worst, std::abs(static_cast<double>(sums(i, 0)) / expected - 1));
    worst_of_bf16 =
        std::max(worst_of_bf16, std::abs(static_cast<double>(rough(i, 0)) / expected - 1));
  }
  BOOST_TEST_MESSAGE("relative error " << worst << ", with bf16 " << worst_of_bf16);
  // Products lose lo lo and what hi + lo lacks, 2^-16 + 2 2^-17 of their size, and sum to at most
  // one; of bf16, 2 2^-8. Roundings of fp32 are some 2^-20.
  BOOST_TEST(worst <= 5 * std::ldexp(1, -15) + std::ldexp(1, -20));
  BOOST_TEST(worst_of_bf16 <= 5 * std::ldexp(1, -7));
  BOOST_TEST(worst_of_bf16 > worst);
}

BOOST_AUTO_TEST_CASE(bf16_gradients_are_right_to_three_digits) {
  const ReferenceKernels reference;
  const CudaKernels bf16(split_queue, {.bf16_contrast = true});
  const View da = zeros(n, d), db = zeros(m, d), expected_da = zeros(n, d),
             expected_db = zeros(m, d);

  bf16.exp_sums_grad(named, a, b, g, 0, da, 0, db);
  reference.exp_sums_grad(named, a, b, g, 0, expected_da, 0, expected_db);

  // A product of size up to 4 is off by 2^-7 of it, a weight and a vector by 2^-8: a term by 5 %;
  // signs are mixed, so a sum by less of the largest sum.
  BOOST_TEST(difference(expected_da, da).largest <= 0.05 * difference(expected_da, da).size);
  BOOST_TEST(difference(expected_db, db).largest <= 0.05 * difference(expected_db, db).size);
}

BOOST_AUTO_TEST_CASE(a_row_without_pairs_gets_nothing_and_the_least_maximum) {
  const std::vector<Index> same_of_a(n, 5), same_of_b(m, 5);
  Pairs none = plain;
  none.a_names = same_of_a.data();
  none.b_names = same_of_b.data();
  const View sums = zeros(n, 1), maxima = zeros(n, 1), da = zeros(n, d), db = zeros(m, d);
  const View no_rows = zeros(n, 1), least = zeros(n, 1);

  cuda.exp_sums(none, a, b, 0, sums);
  cuda.max_products(none, a, b, 0, maxima);
  none.shifts = maxima;  // as the softmax of such a row would have it
  cuda.exp_sums_grad(none, a, b, g, 0, da, 0, db);
  cuda.exp_sums(plain, a, ConstView(nullptr, 0, d), 0, no_rows);
  cuda.max_products(plain, a, ConstView(nullptr, 0, d), 0, least);

  for (Index i = 0; i < n; ++i) {
    BOOST_TEST(sums(i, 0) == 0);
    BOOST_TEST(maxima(i, 0) == -kInfinity);
    BOOST_TEST(no_rows(i, 0) == 0);
    BOOST_TEST(least(i, 0) == -kInfinity);
    BOOST_TEST(da(i, 3) == 0);
  }
  for (Index j = 0; j < m; ++j) BOOST_TEST(db(j, 3) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale::test

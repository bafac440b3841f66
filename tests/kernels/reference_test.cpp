// The reference backend on examples small enough to verify on paper.
#include "kernels/reference/reference_kernels.h"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <vector>

namespace chorale {
namespace {

constexpr Real kInfinity = std::numeric_limits<Real>::infinity();
constexpr Real kNaN = std::numeric_limits<Real>::quiet_NaN();
const double kClose = 4 * static_cast<double>(std::numeric_limits<Real>::epsilon());

// A matrix with its memory.
struct Matrix {
  std::vector<Real> data;
  Index rows, cols;
  Matrix(Index r, Index c, std::vector<Real> values) : data(std::move(values)), rows(r), cols(c) {}
  operator View() { return {data.data(), rows, cols}; }             // NOLINT: a matrix is its view
  operator ConstView() const { return {data.data(), rows, cols}; }  // NOLINT
};

void expect(const Matrix& found, const std::vector<Real>& expected) {
  BOOST_TEST(found.data == expected, boost::test_tools::per_element());
}

void expect_close(const Matrix& found, const std::vector<double>& expected) {
  BOOST_REQUIRE(found.data.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    // A handful of roundings of numbers of size one.
    BOOST_TEST(std::abs(static_cast<double>(found.data[i]) - expected[i]) <=
               kClose * std::max(1.0, std::abs(expected[i])));
  }
}

const ReferenceKernels kernels;

struct Lists {
  std::vector<Real> scores;
  std::vector<Index> ids;
  explicit Lists(Index k) : scores(k, -kInfinity), ids(k, -1) {}
  TopK view() { return {1, static_cast<Index>(ids.size()), scores.data(), ids.data()}; }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(reference_suite)

BOOST_AUTO_TEST_CASE(products_of_two_by_two_matrices) {
  const Matrix x(2, 2, {1, 2, 3, 4}), w(2, 2, {5, 6, 7, 8});
  Matrix y(2, 2, {9, 9, 9, 9}), nt(2, 2, {1, 1, 1, 1}), tn(2, 2, {1, 1, 1, 1});

  kernels.gemm(x, w, y);
  kernels.gemm_nt(x, w, nt);
  kernels.gemm_tn(x, w, tn);

  expect(y, {19, 22, 43, 50});
  expect(nt, {1 + 17, 1 + 23, 1 + 39, 1 + 53});
  expect(tn, {1 + 26, 1 + 30, 1 + 38, 1 + 44});
}

// s = e + n = (4, 1), p = e o n = (3, -2). Of the sum 4 * 1 + 1 * 2 + 1 = 7 and 4 - 1 * 8 + 0 = -4;
// of the product 3 - 2 * 2 + 0 = -1 and 3 * 0 + 2 * 1 + 1 = 3. leaky: 7, -1, -0.25, 3.
BOOST_AUTO_TEST_CASE(a_layer_of_bi_interaction_of_two_columns) {
  const Matrix e(1, 2, {1, 2}), n(1, 2, {3, -1});
  const Matrix w_sum(2, 2, {1, 1, 2, -8}), b_sum(1, 2, {1, 0});
  const Matrix w_product(2, 2, {1, 0, 2, -1}), b_product(1, 2, {0, 1});
  const BiInteraction layer{.self = 1,
                            .slope = Real(0.25),
                            .w_sum = w_sum,
                            .b_sum = b_sum,
                            .w_product = w_product,
                            .b_product = b_product};
  Matrix y(1, 2, {9, 9});
  std::uint8_t bits[2] = {};

  kernels.bi_interaction(layer, e, n, bits, y);

  expect(y, {6.75, 2});
  BOOST_TEST(int{bits[0]} == (kSumIsAbove | kIsKept));
  BOOST_TEST(int{bits[1]} == (kProductIsAbove | kIsKept));

  // Of dy = (1, 8) the sum gets (1, 2), the product (0.25, 8).
  // ds = (1 + 2, 2 - 16) = (3, -14), dp = (0.25, 0.5 - 8) = (0.25, -7.5).
  const Matrix dy(1, 2, {1, 8});
  Matrix de(1, 2, {1, 1}), dn(1, 2, {9, 9});
  Matrix dw_sum(1, 4, {1, 0, 0, 0}), db_sum(1, 2, {0, 1});
  Matrix dw_product(1, 4, {0, 0, 0, 1}), db_product(1, 2, {0, 0});
  const Index lanes[] = {0, 1};

  kernels.bi_interaction_grad(layer, e, n, bits, dy, lanes, true, de, dn,
                              {dw_sum, db_sum, dw_product, db_product});

  expect(de, {1 + 3 + 0.75, 1 - 14 + 7.5});
  expect(dn, {3 + 0.25, -14 - 15});
  expect(dw_sum, {1 + 4, 8, 1, 2});
  expect(db_sum, {1, 1 + 2});
  expect(dw_product, {0.75, 24, -0.5, 1 - 16});
  expect(db_product, {0.25, 8});
}

BOOST_AUTO_TEST_CASE(a_row_of_three_and_four_has_norm_five) {
  const Matrix x(2, 2, {3, 4, 0, 0});
  Matrix y(2, 2, {9, 9, 9, 9}), inverse(2, 1, {9, 9});

  kernels.normalize_rows(x, y, inverse);

  expect_close(y, {0.6, 0.8, 0, 0});
  expect_close(inverse, {0.2, 1e12});
}

BOOST_AUTO_TEST_CASE(the_gradient_of_a_normalised_row_is_across_it) {
  // y = (0.6, 0.8), dy = (1, 0): y . dy = 0.6; (1 - 0.36, -0.48) / 5 = (0.128, -0.096).
  const Matrix y(2, 2, {Real(0.6), Real(0.8), 0, 0});
  const Matrix inverse(2, 1, {Real(0.2), static_cast<Real>(1e12)}), dy(2, 2, {1, 0, 1, 1});
  Matrix dx(2, 2, {1, 1, 7, 7});

  kernels.normalize_rows_grad(y, inverse, dy, dx);

  expect_close(dx, {1.128, 0.904, 7, 7});
}

BOOST_AUTO_TEST_CASE(segments_add_their_rows_in_order) {
  const Matrix y(3, 2, {1, 2, 10, 20, 100, 200});
  const std::vector<LocalIndex> rows{2, 0}, order{0, 2, 1};
  const std::vector<Index> begin{0, 2, 3};
  Matrix x(3, 2, {1, 1, 1, 1, 1, 1});

  kernels.add_segments(y, {rows, begin.data(), order.data(), begin.back()}, x);

  expect(x, {11, 21, 1, 1, 102, 203});
}

BOOST_AUTO_TEST_CASE(a_sparse_row_sums_own_and_ghost_rows) {
  // Row 0: 2 x_1 + 3 ghost_0; row 1 is empty.
  const std::vector<Index> begin{0, 2, 2};
  const std::vector<LocalIndex> columns{1, 2};
  const std::vector<Real> values{2, 3};
  const CsrView a{2, 2, 1, begin.data(), columns.data(), values.data(), 2};
  const Matrix x(2, 2, {1, 2, 3, 4}), ghost(1, 2, {10, 20});
  Matrix y(2, 2, {5, 5, 5, 5}), added(2, 2, {5, 5, 5, 5});

  kernels.spmm(a, x, ghost, y);
  kernels.spmm_add(a, x, ghost, added);

  expect(y, {36, 68, 0, 0});
  expect(added, {41, 73, 5, 5});
}

BOOST_AUTO_TEST_CASE(bpr_of_equal_scores_is_log_two) {
  // Differences 0, 0 and 1000: softplus(0) = ln 2, softplus(-1000) = 0; slopes -1/2, -1/2, 0.
  const Matrix u(3, 1, {1, 1, 1}), p(3, 1, {4, 5, 1000}), n(3, 1, {4, 5, 0});
  const std::vector<Index> lanes{0, 2, 3};
  Matrix slope(3, 1, {9, 9, 9}), value(2, 1, {9, 9});

  kernels.bpr(u, p, n, lanes, slope, value);

  expect_close(value, {2 * std::log(2.0), 0});
  expect_close(slope, {-0.5, -0.5, 0});
}

BOOST_AUTO_TEST_CASE(bpr_of_a_hopeless_score_is_its_size) {
  const Matrix u(1, 1, {1}), p(1, 1, {0}), n(1, 1, {1000});
  const std::vector<Index> lanes{0, 1};
  Matrix slope(1, 1, {9}), value(1, 1, {9});

  kernels.bpr(u, p, n, lanes, slope, value);

  expect_close(value, {1000});
  expect_close(slope, {-1});
}

BOOST_AUTO_TEST_CASE(bpr_gradient_pulls_the_positive_and_pushes_the_negative) {
  // c = 2 * -0.5 = -1.
  const Matrix a(1, 1, {2}), slope(1, 1, {Real(-0.5)});
  const Matrix u(1, 2, {1, 2}), p(1, 2, {3, 5}), n(1, 2, {4, 4});
  Matrix du(1, 2, {0, 0}), dp(1, 2, {0, 0}), dn(1, 2, {0, 0});

  kernels.bpr_grad(a, slope, u, p, n, du, dp, dn);

  expect(du, {1, -1});
  expect(dp, {-1, -2});
  expect(dn, {1, 2});
}

BOOST_AUTO_TEST_CASE(half_squares_are_summed_by_lane) {
  const Matrix x(3, 2, {1, 2, 3, 4, 5, 6});
  const std::vector<Index> lanes{0, 1, 1, 3};
  Matrix value(3, 1, {9, 9, 9});

  kernels.half_squares(x, lanes, value);

  expect(value, {Real(2.5), 0, 43});
}

BOOST_AUTO_TEST_CASE(dropout_keeps_a_share_and_scales_it) {
  const Index n = 1009, d = 7;
  const Matrix x(n, d, std::vector<Real>(n * d, 3));
  std::vector<Index> names(n);
  for (Index i = 0; i < n; ++i) names[static_cast<std::size_t>(i)] = i;
  Matrix y(n, d, std::vector<Real>(n * d, 9));

  kernels.dropout({.seed = 1, .step = 2, .op = 3, .rate = Real(0.25)}, names.data(), x, y);

  Index kept = 0;
  for (Real v : y.data) {
    BOOST_TEST((v == 0 || std::abs(v - 4) < Real(1e-6)));
    kept += v != 0;
  }
  // 7063 draws of 0.75: standard deviation 36.4, five of them.
  BOOST_TEST(std::abs(static_cast<double>(kept) - 0.75 * 7063) < 5 * 36.4);
}

BOOST_AUTO_TEST_CASE(dropout_depends_on_the_global_row_alone) {
  const Matrix x(2, 5, std::vector<Real>(10, 1));
  const std::vector<Index> names{41, 42}, swapped{42, 41};
  Matrix y(2, 5, std::vector<Real>(10, 9)), z = y;
  const DropoutMask mask{.seed = 1, .step = 2, .op = 3, .rate = Real(0.5)};

  kernels.dropout(mask, names.data(), x, y);
  kernels.dropout(mask, swapped.data(), x, z);

  for (Index j = 0; j < 5; ++j) {
    BOOST_TEST(View(y)(0, j) == View(z)(1, j));
    BOOST_TEST(View(y)(1, j) == View(z)(0, j));
  }
}

BOOST_AUTO_TEST_CASE(sgd_adds_l2_before_and_decay_beside_the_step) {
  // g = 1 + 0.25 * 4 = 2; w = 4 * (1 - 0.5 * 0.5) - 0.5 * 2 = 2. Row 1 of w only.
  const Matrix g(1, 1, {1});
  const std::vector<LocalIndex> rows{1};
  Matrix w(2, 1, {4, 4});

  kernels.sgd({.rate = Real(0.5), .l2 = Real(0.25), .decay = Real(0.5)}, g, rows, w);

  expect(w, {4, 2});
}

BOOST_AUTO_TEST_CASE(adagrad_divides_by_the_root_of_the_sum) {
  // s = 7 + 9 = 16; w = 1 - 2 * 3 / (4 + 0) = -0.5.
  const Matrix g(1, 1, {3});
  Matrix w(1, 1, {1}), s(1, 1, {7});

  kernels.adagrad({.rate = 2}, g, {}, w, s);

  expect(w, {Real(-0.5)});
  expect(s, {16});
}

BOOST_AUTO_TEST_CASE(rowwise_adagrad_divides_by_the_mean_square) {
  // s = 3.5 + (9 + 16) / 2 = 16; the rate becomes 4 / 4.
  const Matrix g(1, 2, {3, 4});
  Matrix w(1, 2, {1, 1}), s(1, 1, {Real(3.5)});

  kernels.rowwise_adagrad({.rate = 4}, g, {}, w, s);

  expect(w, {-2, -3});
  expect(s, {16});
}

BOOST_AUTO_TEST_CASE(first_step_of_adam_is_the_rate_whatever_the_gradient) {
  // Step 1: m / (1 - beta1) = g, sqrt(v / (1 - beta2)) = |g|.
  const Matrix g(1, 2, {5, Real(-0.01)});
  Matrix w(1, 2, {1, 1}), m(1, 2, {0, 0}), v(1, 2, {0, 0});

  kernels.adam({.rate = Real(0.25), .beta1 = Real(0.5), .beta2 = Real(0.75)}, g, w, m, v);

  expect_close(w, {0.75, 1.25});
  expect_close(m, {2.5, -0.005});
  expect_close(v, {6.25, 0.000025});
}

BOOST_AUTO_TEST_CASE(the_two_forms_of_adam_differ_in_epsilon) {
  // g = 1, beta1 = 0.5, beta2 = 0.75: m = 0.5, v = 0.25. Torch: 1 - 0.25 * 1 / (1 + 1) = 0.875.
  // TensorFlow 1: rate 0.25 * 0.5 / 0.5; 1 - 0.25 * 0.5 / (0.5 + 1) = 1 - 1 / 12.
  const Matrix g(1, 1, {1});
  Matrix torch(1, 1, {1}), tensorflow(1, 1, {1}), m(1, 1, {0}), v(1, 1, {0}), m2 = m, v2 = v;
  UpdateOptions o{.rate = Real(0.25), .epsilon = 1, .beta1 = Real(0.5), .beta2 = Real(0.75)};

  kernels.adam(o, g, torch, m, v);
  o.tf1 = true;
  kernels.adam(o, g, tensorflow, m2, v2);

  expect_close(torch, {0.875});
  expect_close(tensorflow, {1 - 1.0 / 12});
}

BOOST_AUTO_TEST_CASE(ranking_breaks_ties_by_id_and_skips_the_masked) {
  // Scores 1, 3, 3, 2, 3 of the items 50, 40, 30, 20, 10; the last is masked.
  const Matrix user(1, 1, {1}), items(5, 1, {1, 3, 3, 2, 3});
  const std::vector<Index> ids{50, 40, 30, 20, 10}, begin{0, 1};
  const std::vector<LocalIndex> masked{4};
  Lists best(3);

  kernels.update_top_k(user, items, ids.data(), {begin.data(), masked.data()}, best.view());

  BOOST_TEST(best.ids == (std::vector<Index>{30, 40, 20}), boost::test_tools::per_element());
  BOOST_TEST(best.scores == (std::vector<Real>{3, 3, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ranking_in_two_blocks_equals_ranking_in_one) {
  const Matrix user(1, 1, {1}), items(5, 1, {1, 3, 3, 2, 3});
  const std::vector<Index> ids{50, 40, 30, 20, 10}, begin{0, 0};
  Lists whole(3), parts(3);

  kernels.update_top_k(user, items, ids.data(), {begin.data(), nullptr}, whole.view());
  const ConstView all = items;
  kernels.update_top_k(user, all.row_block(3, 5), ids.data() + 3, {begin.data(), nullptr},
                       parts.view());
  kernels.update_top_k(user, all.row_block(0, 3), ids.data(), {begin.data(), nullptr},
                       parts.view());

  BOOST_TEST(whole.ids == (std::vector<Index>{10, 30, 40}), boost::test_tools::per_element());
  BOOST_TEST(parts.ids == whole.ids, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_list_longer_than_the_items_stays_unfilled_at_its_end) {
  const Matrix user(1, 1, {1}), items(2, 1, {-kInfinity, 1});
  const std::vector<Index> ids{0, 1}, begin{0, 0};
  Lists best(3);

  kernels.update_top_k(user, items, ids.data(), {begin.data(), nullptr}, best.view());

  BOOST_TEST(best.ids == (std::vector<Index>{1, 0, -1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(each_group_of_rows_has_its_matrix) {
  // Group 0 is empty, group 1 holds row 0, group 2 rows 1 and 2. Matrices are (2, 1).
  const std::vector<Index> begin{0, 0, 1, 3};
  const Matrix x(3, 2, {1, 2, 3, 4, 5, 6}), w(3, 2, {9, 9, 1, 10, 2, 3}), dy(3, 1, {1, 2, 3});
  Matrix y(3, 1, {7, 7, 7}), dx(3, 2, {0, 0, 0, 0, 0, 1}), dw(3, 2, {5, 0, 0, 0, 0, 1});

  kernels.grouped_gemm(x, begin, w, y);
  kernels.grouped_gemm_nt(dy, begin, w, dx);
  kernels.grouped_gemm_tn(x, begin, dy, dw);

  expect(y, {21, 18, 28});
  expect(dx, {1, 10, 4, 6, 6, 10});
  expect(dw, {5, 0, 1, 2, 21, 27});
}

BOOST_AUTO_TEST_CASE(softmax_of_rows_does_not_overflow_and_rows_may_be_empty) {
  const std::vector<Index> begin{0, 2, 2, 3, 6};
  const Matrix x(6, 1, {1000, 1000, -1000, 0, 0, static_cast<Real>(std::log(2.0))});
  Matrix y(6, 1, {9, 9, 9, 9, 9, 9});

  kernels.segment_softmax(begin, x, y);

  expect_close(y, {0.5, 0.5, 1, 0.25, 0.25, 0.5});
}

BOOST_AUTO_TEST_CASE(pairs_of_rows_go_to_their_places) {
  const std::vector<LocalIndex> first{1, 0}, second{0, 2}, place{2, 0};
  const Matrix x(2, 2, {1, 2, 3, 4}), z(3, 2, {5, 6, 0, 0, 7, 8});
  Matrix y(3, 1, {9, 9, 9});

  kernels.dot_pairs({first, second, place}, x, z, y);

  expect(y, {23, 9, 39});
}

// g+ = |1 + 2 - 2|^2 = 1, g- = |1 + 2 - 4|^2 = 1: softplus(0) = log 2, slope 1/2.
BOOST_AUTO_TEST_CASE(transr_of_equal_distances_is_log_two) {
  const Matrix h(1, 1, {1}), r(1, 1, {2}), t(1, 1, {2}), n(1, 1, {4}), a(1, 1, {3});
  const std::vector<Index> lanes{0, 1};
  Matrix slope(1, 1, {0}), value(1, 1, {0}), dh(1, 1, {0}), dr(1, 1, {1}), dt(1, 1, {0}),
      dn(1, 1, {0});

  kernels.transr(h, r, t, n, lanes, slope, value);
  kernels.transr_grad(a, slope, h, r, t, n, dh, dr, dt, dn);

  expect_close(value, {std::log(2.0)});
  expect_close(slope, {0.5});
  expect_close(dh, {6});
  expect_close(dr, {7});
  expect_close(dt, {-3});
  expect_close(dn, {-3});
}

BOOST_AUTO_TEST_CASE(a_nan_score_surfaces_first) {
  const Matrix user(1, 1, {1}), items(3, 1, {5, kNaN, 6});
  const std::vector<Index> ids{0, 1, 2}, begin{0, 0};
  Lists best(2);

  kernels.update_top_k(user, items, ids.data(), {begin.data(), nullptr}, best.view());

  BOOST_TEST(best.ids == (std::vector<Index>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(std::isnan(best.scores[0]));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace chorale

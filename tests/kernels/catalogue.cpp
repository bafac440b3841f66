// See catalogue.h. Numbers in options are sums of few powers of two, to be exact on integers.
#include "tests/kernels/catalogue.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "tests/kernels/catalogue_interaction.h"
#include "tests/kernels/catalogue_sparse.h"

namespace chorale::test {
namespace {

using K = const Kernels&;
using S = Scene&;

Index equal(const Scene&) { return 0; }
Index few(const Scene&) { return 4; }
Index columns(const Scene& s) { return s.d; }
Index rows_and_columns(const Scene& s) { return s.n + s.d; }
Index longest_row(const Scene&) { return 10007; }

// Neighbours in bf16 are at most 2^-7 of a number apart, of one below 256 by 1: what may be the
// difference of two roundings of a long sum, and is below what so many terms may differ by.
Index rounded_row(const Scene&) { return 4 * 10007; }

const UpdateOptions kUpdate{.rate = Real(0.5),
                            .step = 3,
                            .epsilon = Real(0.125),
                            .beta1 = Real(0.5),
                            .beta2 = Real(0.75),
                            .l2 = Real(0.25),
                            .decay = Real(0.5)};

UpdateOptions tf1() {
  UpdateOptions o = kUpdate;
  o.tf1 = true;
  return o;
}

// Every second row of 2 n, last first.
Rows every_second(S s) {
  std::vector<LocalIndex> rows(static_cast<std::size_t>(s.n));
  for (Index i = 0; i < s.n; ++i) {
    rows[static_cast<std::size_t>(i)] = static_cast<LocalIndex>(2 * (s.n - 1 - i));
  }
  return {s.keep(std::move(rows)), static_cast<std::size_t>(s.n)};
}

// Names of so many classes; every third row is told from its class by the high bits alone.
const Index* pair_names(S s, Index rows, Index classes) {
  std::vector<Index> names(static_cast<std::size_t>(rows));
  for (Index i = 0; i < rows; ++i) {
    names[static_cast<std::size_t>(i)] = i % classes + (i % 3 == 0 ? Index{1} << 40 : 0);
  }
  return s.keep(std::move(names));
}

void sum_of(K k, S s) {
  const ConstView xs[] = {s.in(s.n, s.d), s.in(s.n, s.d), s.in(s.n, s.d)};
  k.sum_of(Real(0.5), xs, s.out(s.n, s.d));
}

constexpr Scalar kFunctions[] = {Scalar::leaky_relu, Scalar::tanh, Scalar::sigmoid,
                                 Scalar::softplus, Scalar::exp};

// Numbers of which there is a logarithm.
View positive(S s) {
  const View x = s.state(s.n, s.d);
  for (Index i = 0; i < x.rows; ++i) {
    for (Index j = 0; j < x.cols; ++j) x(i, j) += Real(0.5);
  }
  return x;
}

void all_maps(K k, S s) {
  const ConstView x = s.in(s.n, s.d);
  for (Scalar f : kFunctions) k.map(f, Real(0.25), x, s.out(s.n, s.d));
  k.map(Scalar::log, 0, positive(s), s.out(s.n, s.d));
}

void all_slopes(K k, S s) {
  const ConstView x = s.in(s.n, s.d), dy = s.in(s.n, s.d);
  for (Scalar f : kFunctions) k.map_slope(f, Real(0.25), x, dy, s.out(s.n, s.d));
  k.map_slope(Scalar::log, 0, positive(s), dy, s.out(s.n, s.d));
}

// What follows is a real use: the normalised rows and their norms.
void normalize_grad(K k, S s) {
  const ConstView x = s.in(s.n, s.d), dy = s.in(s.n, s.d);
  const View y = s.out(s.n, s.d), inverse = s.out(s.n, 1);
  for (Index i = 2; i < s.n; i += 4) {  // rows too short to have a direction
    inverse(i, 0) = Real(1e12);
  }
  for (Index i = 0; i < s.n; ++i) {
    if (i % 4 != 2) inverse(i, 0) = Real(0.5);
    for (Index j = 0; j < s.d; ++j) y(i, j) = x(i, j) / Real(8);
  }
  k.normalize_rows_grad(y, inverse, dy, s.out(s.n, s.d));
}

void gather(K k, S s) {
  const ConstView x = s.in(2 * s.n, s.d);
  k.gather_rows(x, every_second(s), s.out(s.n, s.d));
}

void scatter(K k, S s) {
  const Rows rows = every_third(s);
  k.scatter_rows(s.in(static_cast<Index>(rows.size()), s.d), rows, s.out(s.n, s.d));
}

void add_segments(K k, S s) {
  const Segments segments = s.segments();
  k.add_segments(s.in(s.n, s.d), segments, s.out(s.n, s.d));
}

// Exponents of at most four, whatever the inputs.
Pairs pairs(S s) { return {.scale = Real(1) / static_cast<Real>(16 * s.d), .shift = Real(0.5)}; }

// Some rows in the middle are own.
struct Own {
  Index first, rows;
};
Own own(Index rows) { return {rows / 3, rows - rows / 3 - rows / 4}; }

void exp_sums(K k, S s) {
  const Index m = s.n + 5;
  const ConstView a = s.in(s.n, s.d), b = s.in(m, s.d);
  const auto [first, rows] = own(s.n);
  Pairs p = pairs(s);
  k.exp_sums(p, a, b, first, s.out(rows, 1));
  k.exp_sums(p, b, a, 0, s.out(m, 1));
  p.shifts = s.state(s.n, 1);
  p.a_names = pair_names(s, s.n, 7);
  p.b_names = pair_names(s, m, 5);
  k.exp_sums(p, a, b, first, s.out(rows, 1));
}

void exp_sums_grad(K k, S s) {
  const Index m = s.n + 5;
  const ConstView a = s.in(s.n, s.d), b = s.in(m, s.d), g = s.in(s.n, 1);
  const Own of_a = own(s.n), of_b = own(m);
  Pairs p = pairs(s);
  k.exp_sums_grad(p, a, b, g, 0, s.out(s.n, s.d), of_b.first, s.out(of_b.rows, s.d));
  k.exp_sums_grad(p, a, b, g, of_a.first, s.out(of_a.rows, s.d), 0, {});
  k.exp_sums_grad(p, a, b, g, 0, {}, 0, s.out(m, s.d));
  p.shifts = s.state(s.n, 1);
  p.a_names = pair_names(s, s.n, 7);
  p.b_names = pair_names(s, m, 5);
  k.exp_sums_grad(p, a, b, g, of_a.first, s.out(of_a.rows, s.d), of_b.first, s.out(of_b.rows, s.d));
}

void exp_self_sums(K k, S s) {
  const ConstView a = s.in(s.n, s.d);
  const auto [first, rows] = own(s.n);
  k.exp_self_sums(pairs(s), a, 0, s.out(s.n, 1));
  k.exp_self_sums(pairs(s), a, first, s.out(rows, 1));
}

void exp_self_sums_grad(K k, S s) {
  const ConstView a = s.in(s.n, s.d), g = s.in(s.n, 1);
  const auto [first, rows] = own(s.n);
  k.exp_self_sums_grad(pairs(s), a, g, 0, s.out(s.n, s.d));
  k.exp_self_sums_grad(pairs(s), a, g, first, s.out(rows, s.d));
}

void max_products(K k, S s) {
  const Index m = s.n + 5;
  const ConstView a = s.in(s.n, s.d), b = s.in(m, s.d);
  const auto [first, rows] = own(s.n);
  Pairs p{.scale = Real(-0.5)};
  k.max_products(p, a, b, first, s.out(rows, 1));
  p.a_names = pair_names(s, s.n, 7);
  p.b_names = pair_names(s, m, 5);
  k.max_products(p, a, b, first, s.out(rows, 1));
}

void bpr(K k, S s) {
  k.bpr(s.in(s.n, s.d), s.in(s.n, s.d), s.in(s.n, s.d), s.lanes(), s.out(s.n, 1), s.out(4, 1));
}

void bpr_grad(K k, S s) {
  k.bpr_grad(s.in(1, 1), s.in(s.n, 1), s.in(s.n, s.d), s.in(s.n, s.d), s.in(s.n, s.d),
             s.out(s.n, s.d), s.out(s.n, s.d), s.out(s.n, s.d));
}

// Five groups of n rows; one is empty.
Groups groups(S s) {
  return {s.keep(std::vector<Index>{0, s.n / 4, s.n / 4, s.n / 2, s.n - s.n / 7, s.n}), 6};
}

void grouped_gemm(K k, S s) {
  k.grouped_gemm(s.in(s.n, s.d), groups(s), s.in(5, s.d * 9), s.out(s.n, 9));
}

void grouped_gemm_nt(K k, S s) {
  k.grouped_gemm_nt(s.in(s.n, s.d), groups(s), s.in(5, s.d * 9), s.out(s.n, 9));
}

void grouped_gemm_tn(K k, S s) {
  k.grouped_gemm_tn(s.in(s.n, s.d), groups(s), s.in(s.n, 9), s.out(5, s.d * 9));
}

// Three pairs to a row of x, all of different places, last first.
void dot_pairs(K k, S s) {
  std::vector<LocalIndex> first, second, place;
  for (Index e = 0; e < 3 * s.n; ++e) {
    first.push_back(static_cast<LocalIndex>(e / 3));
    second.push_back(static_cast<LocalIndex>((e * 5 + 2) % (s.n + 2)));
    place.push_back(static_cast<LocalIndex>(3 * s.n - e));
  }
  const std::size_t n = first.size();
  const RowPairs pairs{
      {s.keep(std::move(first)), n}, {s.keep(std::move(second)), n}, {s.keep(std::move(place)), n}};
  k.dot_pairs(pairs, s.in(s.n, s.d), s.in(s.n + 2, s.d), s.out(3 * s.n + 1, 1));
}

void segment_softmax(K k, S s) {
  const CsrView a = s.sparse(1, 0);
  const std::span<const Index> begin(a.row_begin, static_cast<std::size_t>(s.n) + 1);
  const Index entries = begin.back();
  k.segment_softmax(begin, s.in(entries, 1), s.out(entries, 1));
}

void transr(K k, S s) {
  k.transr(s.in(s.n, s.d), s.in(s.n, s.d), s.in(s.n, s.d), s.in(s.n, s.d), s.lanes(), s.out(s.n, 1),
           s.out(4, 1));
}

void transr_grad(K k, S s) {
  k.transr_grad(s.in(1, 1), s.in(s.n, 1), s.in(s.n, s.d), s.in(s.n, s.d), s.in(s.n, s.d),
                s.in(s.n, s.d), s.out(s.n, s.d), s.out(s.n, s.d), s.out(s.n, s.d), s.out(s.n, s.d));
}

void sgd(K k, S s) {
  k.sgd(kUpdate, s.in(s.n, s.d), {}, s.out(s.n, s.d));
  k.sgd(kUpdate, s.in(s.n, s.d), every_second(s), s.out(2 * s.n, s.d));
}

void adagrad(K k, S s) {
  k.adagrad(kUpdate, s.in(s.n, s.d), {}, s.out(s.n, s.d), s.state(s.n, s.d));
  k.adagrad(kUpdate, s.in(s.n, s.d), every_second(s), s.out(2 * s.n, s.d), s.state(2 * s.n, s.d));
}

void rowwise_adagrad(K k, S s) {
  k.rowwise_adagrad(kUpdate, s.in(s.n, s.d), {}, s.out(s.n, s.d), s.state(s.n, 1));
  k.rowwise_adagrad(kUpdate, s.in(s.n, s.d), every_second(s), s.out(2 * s.n, s.d),
                    s.state(2 * s.n, 1));
}

void adam(K k, S s) {
  for (const UpdateOptions& o : {kUpdate, tf1()}) {
    k.adam(o, s.in(s.n, s.d), s.out(s.n, s.d), s.out(s.n, s.d), s.state(s.n, s.d));
  }
}

void update_top_k(K k, S s) {
  const Index items = std::min<Index>(2 * s.n + 3, 300);
  std::vector<Index> ids(static_cast<std::size_t>(items));
  for (Index c = 0; c < items; ++c) ids[static_cast<std::size_t>(c)] = 5000 - 2 * c;
  const ConstView users = s.in(s.n, s.d), vectors = s.in(items, s.d);
  const Index* kept_ids = s.keep(std::move(ids));
  const Masked masked = s.masked(s.n, items);
  for (Index best : {1, 5, 40}) {
    k.update_top_k(users, vectors, kept_ids, masked, s.lists(s.n, best));
  }
}

const CatalogueRow kRows[] = {
    {"fill", true, equal, [](K k, S s) { k.fill(Real(0.3), s.out(s.n, s.d)); }},
    {"copy", true, equal, [](K k, S s) { k.copy(s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"axpy_rows", true, few,
     [](K k, S s) {
       k.axpy_rows(Real(0.5), s.in((s.n + 2) / 3, s.d), every_third(s), s.out(s.n, s.d));
     }},
    {"axpy", true, few, [](K k, S s) { k.axpy(Real(0.5), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"scale", true, equal, [](K k, S s) { k.scale(Real(0.3), s.out(s.n, s.d)); }},
    {"multiply", true, equal,
     [](K k, S s) { k.multiply(s.in(s.n, s.d), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"multiply_add", true, few,
     [](K k, S s) { k.multiply_add(s.in(s.n, s.d), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"sum_of", true, equal, sum_of},
    {"map", true, equal, all_maps},
    {"map_slope", false, few, all_slopes},
    {"dropout", true, equal,
     [](K k, S s) { k.dropout(mask(), row_names(s), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"dropout_add", true, equal,
     [](K k, S s) { k.dropout_add(mask(), row_names(s), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"gemm", true, columns,
     [](K k, S s) { k.gemm(s.in(s.n, s.d), s.in(s.d, s.d + 3), s.out(s.n, s.d + 3)); }},
    {"gemm_nt", true, columns,
     [](K k, S s) { k.gemm_nt(s.in(s.n, s.d), s.in(s.d + 3, s.d), s.out(s.n, s.d + 3)); }},
    {"gemm_tn", true, rows_and_columns,
     [](K k, S s) { k.gemm_tn(s.in(s.n, s.d), s.in(s.n, s.d + 3), s.out(s.d, s.d + 3)); }},
    {"add_row", true, equal, [](K k, S s) { k.add_row(s.in(1, s.d), s.out(s.n, s.d)); }},
    {"column_sums", true, equal, [](K k, S s) { k.column_sums(s.in(s.n, s.d), s.out(1, s.d)); }},
    {"bi_interaction", true, columns, bi_interaction},
    {"bi_interaction_grad", true, rows_and_columns, bi_interaction_grad},
    {"gather_names", true, equal, gather_names},
    {"normalize_rows", false, columns,
     [](K k, S s) { k.normalize_rows(s.in(s.n, s.d), s.out(s.n, s.d), s.out(s.n, 1)); }},
    {"normalize_rows_grad", true, columns, normalize_grad},
    {"gather_rows", true, equal, gather},
    {"scatter_rows", true, equal, scatter},
    {"add_segments", true, equal, add_segments},
    {"row_dots", true, columns,
     [](K k, S s) { k.row_dots(s.in(s.n, s.d), s.in(s.n, s.d), s.out(s.n, 1)); }},
    {"add_scaled_rows", true, few,
     [](K k, S s) { k.add_scaled_rows(s.in(s.n, 1), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"drop_rows", true, equal,
     [](K k, S s) { k.drop_rows(mask(), row_names(s), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"drop_rows_add", true, equal,
     [](K k, S s) { k.drop_rows_add(mask(), row_names(s), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"add_noise", false, columns,
     [](K k, S s) {
       k.add_noise({5, 7, 2, Real(0.25)}, row_names(s), s.in(s.n, s.d), s.out(s.n, s.d));
     }},
    {"scale_rows_by_norm", false, columns,
     [](K k, S s) { k.scale_rows_by_norm(Real(0.75), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"spmm", true, longest_row, [](K k, S s) { spmm_by(k, s, &Kernels::spmm); }},
    {"spmm_rows", true, longest_row, spmm_rows},
    {"spmm_marked", true, longest_row, spmm_marked},
    {"spmm_add", true, longest_row, [](K k, S s) { spmm_by(k, s, &Kernels::spmm_add); }},
    {"to_bf16", true, equal, to_bf16},
    {"axpy_bf16", true, few, axpy_bf16},
    {"gather_bf16", true, equal,
     [](K k, S s) {
       const ConstBf16View x = s.in_bf16(2 * s.n, s.d);
       k.gather_bf16(x, every_second(s), s.out_bf16(s.n, s.d));
     }},
    {"spmm_bf16", true, rounded_row, spmm_bf16},
    {"bpr", true, rows_and_columns, bpr},
    {"bpr_grad", true, few, bpr_grad},
    {"half_squares", true, rows_and_columns,
     [](K k, S s) { k.half_squares(s.in(s.n, s.d), s.lanes(), s.out(4, 1)); }},
    {"lane_totals", true, rows_and_columns,
     [](K k, S s) { k.lane_totals(s.in(s.n, s.d), s.lanes(), s.out(4, 1)); }},
    {"axpy_by", true, few,
     [](K k, S s) { k.axpy_by(s.in(1, 1), s.in(s.n, s.d), s.out(s.n, s.d)); }},
    {"exp_sums", false, rows_and_columns, exp_sums},
    {"exp_sums_grad", false, rows_and_columns, exp_sums_grad},
    {"exp_self_sums", false, rows_and_columns, exp_self_sums},
    {"exp_self_sums_grad", false, rows_and_columns, exp_self_sums_grad},
    {"max_products", true, columns, max_products},
    {"grouped_gemm", true, columns, grouped_gemm},
    {"grouped_gemm_nt", true, columns, grouped_gemm_nt},
    {"grouped_gemm_tn", true, rows_and_columns, grouped_gemm_tn},
    {"dot_pairs", true, columns, dot_pairs},
    {"segment_softmax", true, longest_row, segment_softmax},
    {"transr", true, rows_and_columns, transr},
    {"transr_grad", true, few, transr_grad},
    {"sgd", true, few, sgd},
    {"adagrad", false, few, adagrad},
    {"rowwise_adagrad", false, columns, rowwise_adagrad},
    {"adam", false, few, adam},
    {"update_top_k", true, equal, update_top_k},
};

}  // namespace

std::span<const CatalogueRow> catalogue() { return kRows; }

}  // namespace chorale::test

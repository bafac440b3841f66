// Vector code: kernels that treat a row as a whole, and losses.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_rows.cpp"
#include <algorithm>
#include <cmath>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

void normalize_rows_impl(ConstView x, View y, View inverse) {
  for (Index i = 0; i < x.rows; ++i) {
    const Real* from = x.row(i);
    Real* to = y.row(i);
    const double norm = std::sqrt(static_cast<double>(dot(from, from, x.cols)));
    inverse(i, 0) = static_cast<Real>(1 / std::max(norm, 1e-12));
    const Vec factor = hn::Set(Tag(), inverse(i, 0));
    each_vector(Tag(), x.cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::Mul(factor, at.load(from + j)), to + j);
    });
  }
}

void normalize_rows_grad_impl(ConstView y, ConstView inverse, ConstView dy, View dx) {
  for (Index i = 0; i < y.rows; ++i) {
    if (inverse(i, 0) >= static_cast<Real>(1e12)) continue;
    const Real *value = y.row(i), *upstream = dy.row(i);
    Real* to = dx.row(i);
    const Vec along = hn::Set(Tag(), dot(value, upstream, y.cols));
    const Vec factor = hn::Set(Tag(), inverse(i, 0));
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec across = hn::NegMulAdd(at.load(value + j), along, at.load(upstream + j));
      at.store(hn::MulAdd(factor, across, at.load(to + j)), to + j);
    });
  }
}

void add_segments_impl(ConstView y, const Segments& segments, View x, Index first, Index last) {
  for (Index s = first; s < last; ++s) {
    Real* to = x.row(segments.rows[static_cast<std::size_t>(s)]);
    const Index begin = segments.begin[s], end = segments.begin[s + 1];
    each_vector(Tag(), x.cols, [&](auto at, Index j) HWY_ATTR {
      Vec sum = hn::Zero(Tag());
      for (Index e = begin; e < end; ++e) sum = hn::Add(sum, at.load(y.row(segments.order[e]) + j));
      at.store(hn::Add(at.load(to + j), sum), to + j);
    });
  }
}

void bpr_differences_impl(ConstView u, ConstView p, ConstView n, View difference) {
  for (Index i = 0; i < u.rows; ++i) {
    difference(i, 0) = dot(u.row(i), p.row(i), u.cols) - dot(u.row(i), n.row(i), u.cols);
  }
}

void bpr_grad_impl(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n, View du,
                   View dp, View dn) {
  for (Index i = 0; i < u.rows; ++i) {
    const Vec c = hn::Set(Tag(), a(0, 0) * slope(i, 0));
    const Real *user = u.row(i), *positive = p.row(i), *negative = n.row(i);
    Real *to_user = du.row(i), *to_positive = dp.row(i), *to_negative = dn.row(i);
    each_vector(Tag(), u.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec v = at.load(user + j);
      const Vec gap = hn::Sub(at.load(positive + j), at.load(negative + j));
      at.store(hn::MulAdd(c, gap, at.load(to_user + j)), to_user + j);
      at.store(hn::MulAdd(c, v, at.load(to_positive + j)), to_positive + j);
      at.store(hn::NegMulAdd(c, v, at.load(to_negative + j)), to_negative + j);
    });
  }
}

double sum_of_squares_impl(ConstView x) {
  double sum = 0;
  for (Index i = 0; i < x.rows; ++i) {
    sum += static_cast<double>(dot(x.row(i), x.row(i), x.cols));
  }
  return sum;
}

double sum_of_elements_impl(ConstView x) {
  double sum = 0;
  for (Index i = 0; i < x.rows; ++i) {
    const Real* row = x.row(i);
    sum += static_cast<double>(sum_of_products(x.cols, [&](auto at, Index j, auto part) HWY_ATTR {
      return hn::Add(at.load(row + j), part);
    }));
  }
  return sum;
}

void row_dots_impl(ConstView x, ConstView y, View out) {
  for (Index i = 0; i < x.rows; ++i) out(i, 0) = dot(x.row(i), y.row(i), x.cols);
}

void add_scaled_rows_impl(ConstView c, ConstView x, View y) {
  for (Index i = 0; i < y.rows; ++i) {
    const Vec factor = hn::Set(Tag(), c(i, 0));
    const Real* from = x.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::MulAdd(factor, at.load(from + j), at.load(to + j)), to + j);
    });
  }
}

void column_sums_impl(ConstView x, View b) {
  constexpr Index kBlock = 64;
  for (Index j = 0; j < x.cols; j += kBlock) {
    const Index width = std::min(kBlock, x.cols - j);
    double sums[kBlock] = {};
    for (Index i = 0; i < x.rows; ++i) {
      const Real* row = x.row(i) + j;
      for (Index c = 0; c < width; ++c) sums[c] += static_cast<double>(row[c]);
    }
    for (Index c = 0; c < width; ++c) b(0, j + c) += static_cast<Real>(sums[c]);
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(normalize_rows_impl);
HWY_EXPORT(normalize_rows_grad_impl);
HWY_EXPORT(add_segments_impl);
HWY_EXPORT(bpr_differences_impl);
HWY_EXPORT(bpr_grad_impl);
HWY_EXPORT(sum_of_squares_impl);
HWY_EXPORT(sum_of_elements_impl);
HWY_EXPORT(row_dots_impl);
HWY_EXPORT(add_scaled_rows_impl);
HWY_EXPORT(column_sums_impl);

void normalize_rows(ConstView x, View y, View inverse) {
  HWY_DYNAMIC_DISPATCH(normalize_rows_impl)(x, y, inverse);
}
void normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) {
  HWY_DYNAMIC_DISPATCH(normalize_rows_grad_impl)(y, inverse, dy, dx);
}
void add_segments(ConstView y, const Segments& segments, View x, Index first, Index last) {
  HWY_DYNAMIC_DISPATCH(add_segments_impl)(y, segments, x, first, last);
}
void bpr_differences(ConstView u, ConstView p, ConstView n, View difference) {
  HWY_DYNAMIC_DISPATCH(bpr_differences_impl)(u, p, n, difference);
}
void bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n, View du, View dp,
              View dn) {
  HWY_DYNAMIC_DISPATCH(bpr_grad_impl)(a, slope, u, p, n, du, dp, dn);
}
double sum_of_squares(ConstView x) { return HWY_DYNAMIC_DISPATCH(sum_of_squares_impl)(x); }
double sum_of_elements(ConstView x) { return HWY_DYNAMIC_DISPATCH(sum_of_elements_impl)(x); }
void row_dots(ConstView x, ConstView y, View out) {
  HWY_DYNAMIC_DISPATCH(row_dots_impl)(x, y, out);
}
void add_scaled_rows(ConstView c, ConstView x, View y) {
  HWY_DYNAMIC_DISPATCH(add_scaled_rows_impl)(c, x, y);
}
void column_sums(ConstView x, View b) { HWY_DYNAMIC_DISPATCH(column_sums_impl)(x, b); }

}  // namespace chorale::simd
#endif  // HWY_ONCE

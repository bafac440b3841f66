// Vector code: pairs of rows, and the differences and gradients of TransR.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_relations.cpp"
#include <algorithm>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

void dot_pairs_impl(const RowPairs& pairs, ConstView x, ConstView z, View y, Index first,
                    Index last) {
  for (auto e = static_cast<std::size_t>(first); e < static_cast<std::size_t>(last); ++e) {
    y(pairs.place[e], 0) = dot(x.row(pairs.first[e]), z.row(pairs.second[e]), x.cols);
  }
}

// |h + r - t|^2 of one row
HWY_INLINE Real squared_distance(const Real* h, const Real* r, const Real* t, Index d) {
  return sum_of_products(d, [&](auto at, Index j, auto sum) HWY_ATTR {
    const auto difference = hn::Sub(hn::Add(at.load(h + j), at.load(r + j)), at.load(t + j));
    return hn::MulAdd(difference, difference, sum);
  });
}

void transr_differences_impl(ConstView h, ConstView r, ConstView t, ConstView n, View difference) {
  for (Index i = 0; i < h.rows; ++i) {
    difference(i, 0) = squared_distance(h.row(i), r.row(i), t.row(i), h.cols) -
                       squared_distance(h.row(i), r.row(i), n.row(i), h.cols);
  }
}

void transr_grad_impl(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t,
                      ConstView n, View dh, View dr, View dt, View dn) {
  for (Index i = 0; i < h.rows; ++i) {
    const Vec c = hn::Set(Tag(), 2 * a(0, 0) * slope(i, 0));
    const Real *head = h.row(i), *relation = r.row(i), *tail = t.row(i), *negative = n.row(i);
    Real *to_head = dh.row(i), *to_relation = dr.row(i), *to_tail = dt.row(i),
         *to_negative = dn.row(i);
    each_vector(Tag(), h.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec from = hn::Add(at.load(head + j), at.load(relation + j));
      const Vec t_j = at.load(tail + j), n_j = at.load(negative + j), apart = hn::Sub(n_j, t_j);
      at.store(hn::MulAdd(c, apart, at.load(to_head + j)), to_head + j);
      at.store(hn::MulAdd(c, apart, at.load(to_relation + j)), to_relation + j);
      at.store(hn::NegMulAdd(c, hn::Sub(from, t_j), at.load(to_tail + j)), to_tail + j);
      at.store(hn::MulAdd(c, hn::Sub(from, n_j), at.load(to_negative + j)), to_negative + j);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(dot_pairs_impl);
HWY_EXPORT(transr_differences_impl);
HWY_EXPORT(transr_grad_impl);

void dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y, Index first, Index last) {
  HWY_DYNAMIC_DISPATCH(dot_pairs_impl)(pairs, x, z, y, first, last);
}
void transr_differences(ConstView h, ConstView r, ConstView t, ConstView n, View difference) {
  HWY_DYNAMIC_DISPATCH(transr_differences_impl)(h, r, t, n, difference);
}
void transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t, ConstView n,
                 View dh, View dr, View dt, View dn) {
  HWY_DYNAMIC_DISPATCH(transr_grad_impl)(a, slope, h, r, t, n, dh, dr, dt, dn);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE

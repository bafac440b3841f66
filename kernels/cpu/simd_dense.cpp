// Vector code: elementwise kernels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_dense.cpp"
#include <algorithm>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

void fill_impl(Real value, View y) {
  const auto [rows, cols] = flattened(y);
  const Vec v = hn::Set(Tag(), value);
  for (Index i = 0; i < rows; ++i) {
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR { at.store(v, y.row(i) + j); });
  }
}

void axpy_impl(Real a, ConstView x, View y) {
  const auto [rows, cols] = flattened(y, x);
  const Vec factor = hn::Set(Tag(), a);
  for (Index i = 0; i < rows; ++i) {
    const Real* from = x.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::MulAdd(factor, at.load(from + j), at.load(to + j)), to + j);
    });
  }
}

void scale_impl(Real a, View y) {
  const auto [rows, cols] = flattened(y);
  const Vec factor = hn::Set(Tag(), a);
  for (Index i = 0; i < rows; ++i) {
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::Mul(factor, at.load(to + j)), to + j);
    });
  }
}

void multiply_impl(ConstView x, ConstView z, View y, bool add) {
  const auto [rows, cols] = flattened(y, x, z);
  for (Index i = 0; i < rows; ++i) {
    const Real *a = x.row(i), *b = z.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      const Vec va = at.load(a + j), vb = at.load(b + j);
      at.store(add ? hn::MulAdd(va, vb, at.load(to + j)) : hn::Mul(va, vb), to + j);
    });
  }
}

void sum_of_impl(Real a, std::span<const ConstView> xs, View y, Index first_row) {
  const Vec factor = hn::Set(Tag(), a);
  for (Index i = 0; i < y.rows; ++i) {
    Real* to = y.row(i);
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      Vec sum = hn::Zero(Tag());
      for (const ConstView& x : xs) sum = hn::Add(sum, at.load(x.row(first_row + i) + j));
      at.store(hn::Mul(factor, sum), to + j);
    });
  }
}

void leaky_relu_impl(Real parameter, ConstView x, View y) {
  const auto [rows, cols] = flattened(y, x);
  const Vec below = hn::Set(Tag(), parameter), zero = hn::Zero(Tag());
  for (Index i = 0; i < rows; ++i) {
    const Real* from = x.row(i);
    Real* to = y.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      const Vec v = at.load(from + j);
      at.store(hn::IfThenElse(hn::Gt(v, zero), v, hn::Mul(below, v)), to + j);
    });
  }
}

void leaky_relu_slope_impl(Real parameter, ConstView x, ConstView dy, View dx) {
  const auto [rows, cols] = flattened(dx, x, dy);
  const Vec below = hn::Set(Tag(), parameter), one = hn::Set(Tag(), Real(1));
  const Vec zero = hn::Zero(Tag());
  for (Index i = 0; i < rows; ++i) {
    const Real *from = x.row(i), *upstream = dy.row(i);
    Real* to = dx.row(i);
    each_vector(Tag(), cols, [&](auto at, Index j) HWY_ATTR {
      const Vec slope = hn::IfThenElse(hn::Gt(at.load(from + j), zero), one, below);
      at.store(hn::MulAdd(slope, at.load(upstream + j), at.load(to + j)), to + j);
    });
  }
}

void add_row_impl(ConstView b, View y) {
  for (Index i = 0; i < y.rows; ++i) {
    Real* to = y.row(i);
    each_vector(Tag(), y.cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::Add(at.load(to + j), at.load(b.data + j)), to + j);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(fill_impl);
HWY_EXPORT(axpy_impl);
HWY_EXPORT(scale_impl);
HWY_EXPORT(multiply_impl);
HWY_EXPORT(sum_of_impl);
HWY_EXPORT(leaky_relu_impl);
HWY_EXPORT(leaky_relu_slope_impl);
HWY_EXPORT(add_row_impl);

void fill(Real value, View y) { HWY_DYNAMIC_DISPATCH(fill_impl)(value, y); }
void axpy(Real a, ConstView x, View y) { HWY_DYNAMIC_DISPATCH(axpy_impl)(a, x, y); }
void scale(Real a, View y) { HWY_DYNAMIC_DISPATCH(scale_impl)(a, y); }
void multiply(ConstView x, ConstView z, View y, bool add) {
  HWY_DYNAMIC_DISPATCH(multiply_impl)(x, z, y, add);
}
void sum_of(Real a, std::span<const ConstView> xs, View y, Index first_row) {
  HWY_DYNAMIC_DISPATCH(sum_of_impl)(a, xs, y, first_row);
}
void leaky_relu(Real parameter, ConstView x, View y) {
  HWY_DYNAMIC_DISPATCH(leaky_relu_impl)(parameter, x, y);
}
void leaky_relu_slope(Real parameter, ConstView x, ConstView dy, View dx) {
  HWY_DYNAMIC_DISPATCH(leaky_relu_slope_impl)(parameter, x, dy, dx);
}
void add_row(ConstView b, View y) { HWY_DYNAMIC_DISPATCH(add_row_impl)(b, y); }

}  // namespace chorale::simd
#endif  // HWY_ONCE

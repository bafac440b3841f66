// Vector code: matrices to bf16 and from it.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_bf16.cpp"
#include <cstdint>
#include <cstring>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
// behind simd_columns.inl, on which it stands
#include "kernels/cpu/simd_bf16.inl"
namespace chorale::simd::HWY_NAMESPACE {

HWY_INLINE Index row_at(const SomeRows& rows, Index place) {
  return rows ? (*rows)[static_cast<std::size_t>(place)] : place;
}

void to_bf16_impl(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y, Index first,
                  Index last) {
  const Tag d;
  const Vec factor = hn::Set(d, a);
  for (Index i = first; i < last; ++i) {
    const Real* from = x.row(i);
    Bf16* to = y.row(row_at(rows, i));
    each_vector(d, y.cols, [&](auto at, Index j) HWY_ATTR {
      const Vec v = at.load(from + j);
      store(at, add ? hn::MulAdd(factor, v, load(at, to + j)) : hn::Mul(factor, v), to + j);
    });
  }
}

void axpy_bf16_impl(Real a, ConstBf16View x, const SomeRows& rows, View y, Index first,
                    Index last) {
  const Tag d;
  const Vec factor = hn::Set(d, a);
  for (Index i = first; i < last; ++i) {
    const Bf16* from = x.row(row_at(rows, i));
    Real* to = y.row(i);
    each_vector(d, y.cols, [&](auto at, Index j) HWY_ATTR {
      at.store(hn::MulAdd(factor, load(at, from + j), at.load(to + j)), to + j);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(to_bf16_impl);
HWY_EXPORT(axpy_bf16_impl);

void to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y, Index first,
             Index last) {
  HWY_DYNAMIC_DISPATCH(to_bf16_impl)(a, x, rows, add, y, first, last);
}

void axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y, Index first, Index last) {
  HWY_DYNAMIC_DISPATCH(axpy_bf16_impl)(a, x, rows, y, first, last);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE

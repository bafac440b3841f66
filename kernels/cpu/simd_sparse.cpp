// Vector code: sparse times dense. A block of columns of an output row stays in registers while its
// entries are summed in CSR order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_sparse.cpp"
#include <algorithm>
#include <cstdint>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

// Where column c of the matrix finds its row of the operand.
struct OwnRows {
  const Real* x;
  Index stride;
  HWY_INLINE const Real* row(Index c) const { return x + c * stride; }
};

// Which entries are ghosts is not predictable, so addresses are computed without a branch: for a
// ghost, `shift` bytes are added to the address and `stride_change` to the stride.
struct OwnAndGhostRows {
  std::uintptr_t x, stride, stride_change, shift;
  Index n_own;

  HWY_INLINE OwnAndGhostRows(ConstView own, ConstView ghost, Index n)
      : x(reinterpret_cast<std::uintptr_t>(own.data)),
        stride(static_cast<std::uintptr_t>(own.stride) * sizeof(Real)),
        stride_change(static_cast<std::uintptr_t>(ghost.stride) * sizeof(Real) - stride),
        shift(reinterpret_cast<std::uintptr_t>(ghost.data) - x -
              static_cast<std::uintptr_t>(n) * (stride + stride_change)),
        n_own(n) {}

  HWY_INLINE const Real* row(Index c) const {
    const std::uintptr_t mask =
        ~static_cast<std::uintptr_t>((c - n_own) >> 63);  // all ones: a ghost
    const std::uintptr_t step = stride + (mask & stride_change);
    return reinterpret_cast<const Real*>(x + (mask & shift) +
                                         static_cast<std::uintptr_t>(c) * step);
  }
};

template <int kCount, class At>
HWY_INLINE void store_sums(At at, const Vec (&sum)[kCount], Real* to, bool add) {
  const Index step = lanes_of_tag();
  for (int v = 0; v < kCount; ++v) {
    at.store(add ? hn::Add(at.load(to + v * step), sum[v]) : sum[v], to + v * step);
  }
}

// One output row, kCount vectors of columns from column j on.
template <int kCount, class Operand, class At>
HWY_INLINE void row_block(const CsrView& a, const Operand& operand, At at, Index i, Index j,
                          Real* to, bool add) {
  const Tag d;
  const Index step = lanes_of_tag(), end = a.row_begin[i + 1];
  Vec sum[kCount];
  for (int v = 0; v < kCount; ++v) sum[v] = hn::Zero(d);
  for (Index e = a.row_begin[i]; e < end; ++e) {
    const Real* from = operand.row(a.columns[e]) + j;
    const Vec value = hn::Set(d, a.values[e]);
    for (int v = 0; v < kCount; ++v) sum[v] = hn::MulAdd(value, at.load(from + v * step), sum[v]);
  }
  store_sums<kCount>(at, sum, to + j, add);
}

template <class Operand>
HWY_INLINE void rows_of(const CsrView& a, const Operand& operand, View y, bool add, Index first,
                        Index last) {
  const Index step = lanes_of_tag();
  const Whole<Tag> whole;
  for (Index i = first; i < last; ++i) {
    Real* to = y.row(i);
    Index j = 0;
    for (; j + 8 * step <= y.cols; j += 8 * step) row_block<8>(a, operand, whole, i, j, to, add);
    for (; j + 4 * step <= y.cols; j += 4 * step) row_block<4>(a, operand, whole, i, j, to, add);
    for (; j + 2 * step <= y.cols; j += 2 * step) row_block<2>(a, operand, whole, i, j, to, add);
    for (; j + step <= y.cols; j += step) row_block<1>(a, operand, whole, i, j, to, add);
    if (j < y.cols) {
      const Part<Tag> part{hn::FirstN(Tag(), static_cast<std::size_t>(y.cols - j))};
      row_block<1>(a, operand, part, i, j, to, add);
    }
  }
}

void spmm_impl(const CsrView& a, ConstView x, ConstView ghost, View y, bool add, Index first,
               Index last) {
  if (a.n_ghost == 0) {
    rows_of(a, OwnRows{x.data, x.stride}, y, add, first, last);
  } else {
    rows_of(a, OwnAndGhostRows(x, ghost, a.n_own), y, add, first, last);
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(spmm_impl);

void spmm(const CsrView& a, ConstView x, ConstView ghost, View y, bool add, Index first,
          Index last) {
  HWY_DYNAMIC_DISPATCH(spmm_impl)(a, x, ghost, y, add, first, last);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE

// Vector code: dense products. All three are one loop nest: a panel of the right operand is packed
// into cache, then tiles of rows of the left operand are multiplied with it in registers.
//
// The depth is cut into blocks of kDepth. Within a block an element is one chain of fused steps
// from zero, the blocks are added in ascending order: so an element depends on its row, its column
// and the depth alone.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_gemm.cpp"
#include <algorithm>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
#include "kernels/cpu/simd_tile.inl"
namespace chorale::simd::HWY_NAMESPACE {

constexpr Index kDepth = 256;

// y = or += left (y.rows, depth) times what `pack` puts into panels (depth, y.cols).
template <class Pack>
HWY_INLINE void product(Left left, Index depth, View y, bool add, Pack pack) {
  alignas(64) Real panel[kDepth * kTileCols];
  if (depth == 0 && !add) {
    for (Index i = 0; i < y.rows; ++i) std::fill_n(y.row(i), y.cols, Real(0));
  }
  for (Index j = 0; j < y.cols; j += kTileCols) {
    for (Index t = 0; t < depth; t += kDepth) {
      const Index block = std::min(kDepth, depth - t);
      pack(t, block, j, panel);
      each_tile(y.rows, [&](auto size, Index i) HWY_ATTR {
        Vec sum[decltype(size)::rows][kTileVectors];
        clear(sum);
        accumulate({left.data + i * left.row + t * left.step, left.row, left.step}, panel, block,
                   sum);
        store_tile(sum, y, i, j, add || t > 0);
      });
    }
  }
}

void gemm_impl(ConstView x, ConstView w, View y) {
  product({x.data, x.stride, 1}, x.cols, y, false,
          [&](Index t, Index depth, Index j, Real* panel) { pack_rows(w, t, depth, j, panel); });
}

void gemm_nt_impl(ConstView dy, ConstView w, View dx) {
  product(
      {dy.data, dy.stride, 1}, dy.cols, dx, true,
      [&](Index t, Index depth, Index j, Real* panel) { pack_transposed(w, j, depth, t, panel); });
}

void gemm_tn_impl(ConstView x, ConstView dy, View dw) {
  product({x.data, 1, x.stride}, x.rows, dw, true,
          [&](Index t, Index depth, Index j, Real* panel) { pack_rows(dy, t, depth, j, panel); });
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(gemm_impl);
HWY_EXPORT(gemm_nt_impl);
HWY_EXPORT(gemm_tn_impl);

void gemm(ConstView x, ConstView w, View y) { HWY_DYNAMIC_DISPATCH(gemm_impl)(x, w, y); }
void gemm_nt(ConstView dy, ConstView w, View dx) { HWY_DYNAMIC_DISPATCH(gemm_nt_impl)(dy, w, dx); }
void gemm_tn(ConstView x, ConstView dy, View dw) { HWY_DYNAMIC_DISPATCH(gemm_tn_impl)(x, dy, dw); }

}  // namespace chorale::simd
#endif  // HWY_ONCE

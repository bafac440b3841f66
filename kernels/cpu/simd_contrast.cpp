// Vector code: the cells of contrast (pair_cell.h). Tiles of scores are multiplied in registers and
// leave them as exponentials, summed or stored as the weights of two more products.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_contrast.cpp"
#include <algorithm>
#include <limits>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
#include "kernels/cpu/simd_exp2.inl"
#include "kernels/cpu/simd_tile.inl"
namespace chorale::simd::HWY_NAMESPACE {

static_assert(kCellBlock % kTileCols == 0);
constexpr Index kLanes = kTileCols / kTileVectors;

using Bits = hn::ScalableTag<NameBits>;

// Which of the pairs (row, col), (row, col + 1), ... of a cell count.
HWY_INLINE hn::Mask<Tag> kept(const PairCell& cell, Index row, Index col) {
  const Tag d;
  const Bits bits;
  const Index left = std::max<Index>(cell.cols - col, 0);
  hn::Mask<Tag> kept = hn::FirstN(d, static_cast<std::size_t>(std::min<Index>(left, kLanes)));
  if (cell.row_names.low != nullptr) {
    const auto low =
        hn::Eq(hn::Set(bits, cell.row_names.low[row]), hn::LoadU(bits, cell.col_names.low + col));
    const auto high =
        hn::Eq(hn::Set(bits, cell.row_names.high[row]), hn::LoadU(bits, cell.col_names.high + col));
    kept = hn::AndNot(hn::RebindMask(d, hn::And(low, high)), kept);
  }
  if (cell.diagonal >= 0) {
    const Vec other = hn::Set(d, static_cast<Real>(row + cell.diagonal));
    kept = hn::AndNot(hn::Eq(hn::Iota(d, static_cast<Real>(col)), other), kept);
  }
  return kept;
}

bool needs_masks(const PairCell& cell) {
  return cell.cols % kTileCols != 0 || cell.row_names.low != nullptr || cell.diagonal >= 0;
}

// finish(size, i, j, sum) for every tile of scores: rows from i on, columns from j on, in ascending
// order of j and then of i.
template <class Finish>
HWY_INLINE void each_product(const PairCell& cell, Finish finish) {
  for (Index j = 0; j < cell.cols; j += kTileCols) {
    const Real* panel = cell.right + j * cell.depth;
    each_tile(cell.rows, [&](auto size, Index i) HWY_ATTR {
      Vec sum[decltype(size)::rows][kTileVectors];
      clear(sum);
      accumulate({cell.left + i * cell.stride, cell.stride, 1}, panel, cell.depth, sum);
      finish(size, i, j, sum);
    });
  }
}

// Turns the scores of a tile into exponentials.
template <bool kMasked, int kRows>
HWY_INLINE void exponentiate(const PairCell& cell, Index i, Index j,
                             Vec (&sum)[kRows][kTileVectors]) {
  const Tag d;
  for (int r = 0; r < kRows; ++r) {
    const Vec shift = hn::Set(d, cell.shifts[i + r]);
    for (int c = 0; c < kTileVectors; ++c) {
      sum[r][c] = exp2(hn::Sub(sum[r][c], shift));
      if constexpr (kMasked) {
        sum[r][c] = hn::IfThenElseZero(kept(cell, i + r, j + c * kLanes), sum[r][c]);
      }
    }
  }
}

// Sixteen partial results a row, column modulo sixteen.
struct Partials {
  alignas(64) Real of[kCellBlock][kPartials];

  // Of vector c of a tile that begins at column j.
  HWY_INLINE Real* at(Index row, Index j, int c) {
    constexpr bool begins_anew = kTileCols % kPartials == 0;  // then known when compiled
    return of[row] + ((begins_anew ? 0 : j) + c * kLanes) % kPartials;
  }
};

template <bool kMasked>
HWY_INLINE void exp_sums_of(const PairCell& cell, Real* row_sums, Real* col_sums) {
  const Tag d;
  Partials partials;
  std::fill_n(partials.of[0], cell.rows * kPartials, Real(0));
  if (col_sums != nullptr) std::fill_n(col_sums, kCellBlock, Real(0));
  each_product(cell, [&](auto size, Index i, Index j, auto& sum) HWY_ATTR {
    constexpr int rows = decltype(size)::rows;
    exponentiate<kMasked>(cell, i, j, sum);
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < kTileVectors; ++c) {
        Real* to = partials.at(i + r, j, c);
        hn::StoreU(hn::Add(hn::LoadU(d, to), sum[r][c]), d, to);
      }
    }
    if (col_sums == nullptr) return;
    for (int c = 0; c < kTileVectors; ++c) {
      Real* to = col_sums + j + c * kLanes;
      Vec total = hn::LoadU(d, to);
      for (int r = 0; r < rows; ++r) total = hn::Add(total, sum[r][c]);
      hn::StoreU(total, d, to);
    }
  });
  for (Index r = 0; r < cell.rows; ++r) {
    hn::Vec<SumTag> sum[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      sum[v] = hn::Load(SumTag(), partials.of[r] + v * (kPartials / kVectors));
    }
    row_sums[r] = tree_sum(sum);
  }
}

void exp_sums_impl(const PairCell& cell, Real* row_sums, Real* col_sums) {
  if (needs_masks(cell)) {
    exp_sums_of<true>(cell, row_sums, col_sums);
  } else {
    exp_sums_of<false>(cell, row_sums, col_sums);
  }
}

template <bool kMasked>
HWY_INLINE void weights_of(const PairCell& cell, const Real* row_factors, const Real* col_factors,
                           Real* w) {
  const Tag d;
  each_product(cell, [&](auto size, Index i, Index j, auto& sum) HWY_ATTR {
    exponentiate<kMasked>(cell, i, j, sum);
    for (int r = 0; r < decltype(size)::rows; ++r) {
      for (int c = 0; c < kTileVectors; ++c) {
        const Index col = j + c * kLanes;
        Vec factor = hn::Set(d, row_factors[i + r]);
        if (col_factors != nullptr) factor = hn::Add(factor, hn::LoadU(d, col_factors + col));
        hn::StoreU(hn::Mul(factor, sum[r][c]), d, w + (i + r) * kWeightStride + col);
      }
    }
  });
}

void weights_impl(const PairCell& cell, const Real* row_factors, const Real* col_factors, Real* w) {
  if (needs_masks(cell)) {
    weights_of<true>(cell, row_factors, col_factors, w);
  } else {
    weights_of<false>(cell, row_factors, col_factors, w);
  }
}

void max_products_impl(const PairCell& cell, Real* row_maxima) {
  const Tag d;
  const Vec least = hn::Set(d, -std::numeric_limits<Real>::infinity());
  const bool masked = needs_masks(cell);
  Partials partials;
  std::fill_n(partials.of[0], cell.rows * kPartials, -std::numeric_limits<Real>::infinity());
  each_product(cell, [&](auto size, Index i, Index j, const auto& sum) HWY_ATTR {
    for (int c = 0; c < kTileVectors; ++c) {
      for (int r = 0; r < decltype(size)::rows; ++r) {
        Vec score = sum[r][c];
        const Index col = j + c * kLanes;
        if (masked) score = hn::IfThenElse(kept(cell, i + r, col), score, least);
        Real* row = partials.at(i + r, j, c);
        hn::StoreU(hn::Max(hn::LoadU(d, row), score), d, row);
      }
    }
  });
  for (Index r = 0; r < cell.rows; ++r) {
    row_maxima[r] = *std::max_element(partials.of[r], partials.of[r] + kPartials);
  }
}

void pack_transposed_block_impl(ConstView rows, Real factor, Real* to) {
  for (Index j = 0; j < kCellBlock; j += kTileCols) {
    pack_transposed(rows, j, rows.cols, 0, to + j * rows.cols);
  }
  const Vec scale = hn::Set(Tag(), factor);
  each_vector(Tag(), kCellBlock * rows.cols, [&](auto at, Index j) HWY_ATTR {
    at.store(hn::Mul(scale, at.load(to + j)), to + j);
  });
}

void pack_block_impl(ConstView rows, Real* to) {
  for (Index j = 0; j < rows.cols; j += kTileCols) {
    pack_rows(rows, 0, rows.rows, j, to + j * kCellBlock);
  }
}

void add_block_product_impl(const Real* w, Index row, Index step, Index depth, const Real* block,
                            View to) {
  for (Index j = 0; j < to.cols; j += kTileCols) {
    each_tile(to.rows, [&](auto size, Index i) HWY_ATTR {
      Vec sum[decltype(size)::rows][kTileVectors];
      clear(sum);
      accumulate({w + i * row, row, step}, block + j * kCellBlock, depth, sum);
      store_tile(sum, to, i, j, true);
    });
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(exp_sums_impl);
HWY_EXPORT(weights_impl);
HWY_EXPORT(max_products_impl);
HWY_EXPORT(pack_transposed_block_impl);
HWY_EXPORT(pack_block_impl);
HWY_EXPORT(add_block_product_impl);

void exp_sums(const PairCell& cell, Real* row_sums, Real* col_sums) {
  HWY_DYNAMIC_DISPATCH(exp_sums_impl)(cell, row_sums, col_sums);
}
void weights(const PairCell& cell, const Real* row_factors, const Real* col_factors, Real* w) {
  HWY_DYNAMIC_DISPATCH(weights_impl)(cell, row_factors, col_factors, w);
}
void max_products(const PairCell& cell, Real* row_maxima) {
  HWY_DYNAMIC_DISPATCH(max_products_impl)(cell, row_maxima);
}
void pack_transposed_block(ConstView rows, Real factor, Real* to) {
  HWY_DYNAMIC_DISPATCH(pack_transposed_block_impl)(rows, factor, to);
}
void pack_block(ConstView rows, Real* to) { HWY_DYNAMIC_DISPATCH(pack_block_impl)(rows, to); }
void add_block_product(const Real* w, Index row, Index step, Index depth, const Real* block,
                       View to) {
  HWY_DYNAMIC_DISPATCH(add_block_product_impl)(w, row, step, depth, block, to);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE

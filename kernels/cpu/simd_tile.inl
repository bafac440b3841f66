// The register tile of dense products, for simd_gemm.cpp, simd_ranking.cpp and simd_contrast.cpp
// (included once per instruction set, hence no include guard; simd_columns.inl stands before it).
namespace chorale::simd::HWY_NAMESPACE {

constexpr int kTileRows = 6;
// 32 registers hold 6 x 4 sums; 16 hold 6 x 2.
constexpr int kTileVectors = hn::MaxLanes(Tag()) * sizeof(Real) >= 64 ? 4 : 2;
constexpr int kTileCols = kTileVectors * static_cast<int>(hn::MaxLanes(Tag()));

// The left operand: element (r, t) of a tile is data[r * row + t * step].
struct Left {
  const Real* data;
  Index row, step;
};

// sum[r][c] continues with the products of columns t = 0, 1, ..., depth - 1 of `left` and rows t of
// the packed panel:(depth, kTileCols): one fused step each, in that order.
template <int kRows>
HWY_INLINE void accumulate(Left left, const Real* panel, Index depth,
                           Vec (&sum)[kRows][kTileVectors]) {
  const Tag d;
  const Index lanes = lanes_of_tag();
  for (Index t = 0; t < depth; ++t) {
    Vec right[kTileVectors];
    for (int c = 0; c < kTileVectors; ++c)
      right[c] = hn::LoadU(d, panel + t * kTileCols + c * lanes);
    for (int r = 0; r < kRows; ++r) {
      const Vec factor = hn::Set(d, left.data[r * left.row + t * left.step]);
      for (int c = 0; c < kTileVectors; ++c) sum[r][c] = hn::MulAdd(factor, right[c], sum[r][c]);
    }
  }
}

template <int kRows>
HWY_INLINE void clear(Vec (&sum)[kRows][kTileVectors]) {
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kTileVectors; ++c) sum[r][c] = hn::Zero(Tag());
  }
}

// y = or += the tile at (i, j), as far as y reaches.
template <int kRows>
HWY_INLINE void store_tile(const Vec (&sum)[kRows][kTileVectors], View y, Index i, Index j,
                           bool add) {
  const Index lanes = lanes_of_tag();
  for (int r = 0; r < kRows; ++r) {
    for (int c = 0; c < kTileVectors; ++c) {
      const Index col = j + c * lanes;
      Real* to = y.row(i + r) + col;
      if (col + lanes <= y.cols) {
        hn::StoreU(add ? hn::Add(hn::LoadU(Tag(), to), sum[r][c]) : sum[r][c], Tag(), to);
      } else if (col < y.cols) {
        const Part<Tag> at{hn::FirstN(Tag(), static_cast<std::size_t>(y.cols - col))};
        at.store(add ? hn::Add(at.load(to), sum[r][c]) : sum[r][c], to);
      }
    }
  }
}

// Calls tile(size<R>, first) for tiles of R <= kTileRows rows that cover [0, rows).
template <int kRows>
struct TileSize {
  static constexpr int rows = kRows;
};
template <class Tile>
HWY_INLINE void each_tile(Index rows, Tile tile) {
  Index i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) tile(TileSize<kTileRows>(), i);
  switch (rows - i) {
    case 5:
      tile(TileSize<5>(), i);
      break;
    case 4:
      tile(TileSize<4>(), i);
      break;
    case 3:
      tile(TileSize<3>(), i);
      break;
    case 2:
      tile(TileSize<2>(), i);
      break;
    case 1:
      tile(TileSize<1>(), i);
      break;
    default:
      break;
  }
}

// panel[t][c] = m(first + t, c + col) for the first `width` columns, zero in the others.
HWY_INLINE void pack_rows(ConstView m, Index first, Index depth, Index col, Real* panel) {
  const Index width = std::min<Index>(kTileCols, m.cols - col);
  for (Index t = 0; t < depth; ++t) {
    Real* to = panel + t * kTileCols;
    std::copy_n(m.row(first + t) + col, width, to);
    std::fill(to + width, to + kTileCols, Real(0));
  }
}

// panel[t][c] = m(first + c, col + t): the transpose of a block of rows.
HWY_INLINE void pack_transposed(ConstView m, Index first, Index depth, Index col, Real* panel) {
  const Index width = std::min<Index>(kTileCols, m.rows - first);
  for (Index c = 0; c < kTileCols; ++c) {
    if (c < width) {
      const Real* from = m.row(first + c) + col;
      for (Index t = 0; t < depth; ++t) panel[t * kTileCols + c] = from[t];
    } else {
      for (Index t = 0; t < depth; ++t) panel[t * kTileCols + c] = 0;
    }
  }
}

}  // namespace chorale::simd::HWY_NAMESPACE

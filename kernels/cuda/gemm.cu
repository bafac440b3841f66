// CUDA: products of many rows with small matrices. Rows are dealt to blocks in tiles of 128, and
// the tiles of one row lie next to each other in the grid, so that the second finds its rows in the
// cache. A plain product is a grouped one with one group; which tile a row falls into does not
// change its bits (tile.h).
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/pieces.h"
#include "kernels/cuda/tile.h"

namespace chorale {

using cuda::Matrices;
using cuda::Operand;
using cuda::Pieces;

namespace {

// y or y += a thread's elements of a tile, of which those before `rows` and `cols` exist; kWhole:
// all columns do, and y takes a pack at once.
template <bool kAdds, bool kWhole, int kColumns>
__device__ void store(const float (&sum)[8][kColumns], Real* y, Index stride, Index rows,
                      Index cols) {
  using Place = cuda::TilePlace<kColumns>;
  using Pack = cuda::Pack<Place::kWidth>;
  const Place place;
  for (int r = 0; r < 8; ++r) {
    if (place.row(r) >= rows) continue;
    for (int p = 0; p < kColumns / Place::kWidth; ++p) {
      Real* const there = y + place.row(r) * stride + place.column(p);
      const float* const mine = sum[r] + p * Place::kWidth;
      if constexpr (kWhole) {
        Pack pack;
        if constexpr (kAdds) pack = *reinterpret_cast<const Pack*>(there);
        for (int c = 0; c < Place::kWidth; ++c) pack.at[c] = kAdds ? pack.at[c] + mine[c] : mine[c];
        cuda::store_at_once(there, pack.at);
      } else {
        for (int c = 0; c < Place::kWidth && place.column(p) + c < cols; ++c) {
          there[c] = kAdds ? there[c] + mine[c] : mine[c];
        }
      }
    }
  }
}

// y_i = x_i w_g, or y_i += x_i w_g^T, for the rows i of group g.
template <int kColumns, bool kIsTransposed>
__global__ void __launch_bounds__(cuda::kTileThreads, 4)
    product_kernel(Operand x, Pieces pieces, Matrices<const Real> w, View y, bool y_is_wide,
                   int tiles_across) {
  __shared__ cuda::TileMemory<kColumns> memory;
  const int piece = static_cast<int>(blockIdx.x) / tiles_across;
  const int g = pieces.group_of(piece);
  const Index first_row =
      pieces.begin[g] + static_cast<Index>(piece - pieces.first[g]) * cuda::kTileRows;
  const Index last_row = pieces.begin[g + 1];
  const Index first_col =
      static_cast<Index>(static_cast<int>(blockIdx.x) % tiles_across) * 8 * kColumns;
  const Operand matrix(ConstView(w.of(pieces.matrix[g]), w.rows, w.cols, w.stride));

  float sum[8][kColumns];
  cuda::multiply<kColumns, kIsTransposed>({x, matrix, first_row, last_row, first_col}, memory, sum);

  Real* const corner = y.row(first_row) + first_col;
  const Index rows = last_row - first_row, cols = y.cols - first_col;
  if (y_is_wide && cols >= 8 * kColumns) {
    store<kIsTransposed, true>(sum, corner, y.stride, rows, cols);
  } else {
    store<kIsTransposed, false>(sum, corner, y.stride, rows, cols);
  }
}

template <int kColumns, bool kIsTransposed>
void launch_products(cuda::Queue& queue, ConstView x, Groups begin, Matrices<const Real> w,
                     View y) {
  constexpr Index kMostTiles = Index{1} << 30;
  const Index tiles_across = (y.cols + 8 * kColumns - 1) / (8 * kColumns);
  const auto tiles_of = [](Index rows) { return (rows + cuda::kTileRows - 1) / cuda::kTileRows; };
  cuda::each_batch(begin, kMostTiles / tiles_across, tiles_of, [&](const Pieces& pieces) {
    cuda::launch(queue, {.blocks = pieces.count() * tiles_across, .threads = cuda::kTileThreads},
                 product_kernel<kColumns, kIsTransposed>, Operand(x), pieces, w, y,
                 Operand(y).is_wide, static_cast<int>(tiles_across));
  });
}

// Narrow results have narrow tiles.
template <bool kIsTransposed>
void products(cuda::Queue& queue, ConstView x, Groups begin, Matrices<const Real> w, View y) {
  if (y.cols == 0) return;
  if (y.cols <= 16) {
    launch_products<2, kIsTransposed>(queue, x, begin, w, y);
  } else if (y.cols <= 32) {
    launch_products<4, kIsTransposed>(queue, x, begin, w, y);
  } else {
    launch_products<8, kIsTransposed>(queue, x, begin, w, y);
  }
}

}  // namespace

void CudaKernels::gemm(ConstView x, ConstView w, View y) const {
  const Index all[] = {0, y.rows};
  products<false>(queue_, x, all, {w.data, 0, w.rows, w.cols, w.stride}, y);
}

void CudaKernels::gemm_nt(ConstView dy, ConstView w, View dx) const {
  const Index all[] = {0, dx.rows};
  products<true>(queue_, dy, all, {w.data, 0, w.rows, w.cols, w.stride}, dx);
}

void CudaKernels::grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const {
  products<false>(queue_, x, begin, {w.data, w.stride, x.cols, y.cols, y.cols}, y);
}

void CudaKernels::grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const {
  products<true>(queue_, dy, begin, {w.data, w.stride, dx.cols, dy.cols, dy.cols}, dx);
}

}  // namespace chorale

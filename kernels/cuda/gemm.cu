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

// A pack of columns of y, of which those before `end` exist.
template <bool kAdds, int kWidth>
__device__ void store_pack(const float* sum, float* y, Index columns, bool is_wide) {
  using Pack = cuda::Pack<kWidth>;
  if (is_wide && columns >= kWidth) {
    Pack pack;
    if constexpr (kAdds) pack = *reinterpret_cast<const Pack*>(y);
    for (int c = 0; c < kWidth; ++c) pack.at[c] = kAdds ? pack.at[c] + sum[c] : sum[c];
    *reinterpret_cast<Pack*>(y) = pack;
  } else {
    for (int c = 0; c < kWidth; ++c) {
      if (c < columns) y[c] = kAdds ? y[c] + sum[c] : sum[c];
    }
  }
}

// y_i = x_i w_g, or y_i += x_i w_g^T, for the rows i of group g.
template <int kColumns, bool kIsTransposed>
__global__ void product_kernel(Operand x, Pieces pieces, Matrices<const Real> w, View y,
                               bool y_is_wide, int tiles_across) {
  __shared__ cuda::TileMemory<kColumns> memory;
  using Place = cuda::TilePlace<kColumns>;
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

  const Place place;
  for (int r = 0; r < 8; ++r) {
    const Index i = first_row + place.row(r);
    if (i >= last_row) continue;
    for (int p = 0; p < kColumns / Place::kWidth; ++p) {
      const Index j = first_col + place.column(p);
      store_pack<kIsTransposed, Place::kWidth>(sum[r] + p * Place::kWidth, y.row(i) + j, y.cols - j,
                                               y_is_wide);
    }
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

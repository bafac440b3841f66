// Tiles of products of matrices in fp32, which gemm and the ranking share.
//
// A block of 128 threads computes 128 rows and 8 kColumns columns, a thread 8 rows and kColumns
// columns of them, in registers. The depth passes through shared memory in slices of 16, of which
// the next is copied while one is multiplied. An element is one chain of fused steps from zero over
// ascending depth, whatever the tile; what is missing at the edges is zero on both sides.
#pragma once

#include <simt.h>

#include "kernels/scalar.h"

namespace chorale::cuda {

constexpr int kTileRows = 128, kTileThreads = 128, kTileDepth = 16;

// So many neighbouring numbers, read at once.
template <int kWidth>
struct alignas(4 * kWidth) Pack {
  float at[kWidth];
};

// A matrix and whether all of its rows begin at multiples of 16 bytes.
struct Operand {
  ConstView x;
  bool is_wide;

  CHORALE_EVERYWHERE explicit Operand(ConstView view)
      : x(view),
        is_wide(reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0 &&
                (view.stride % 4 == 0 || view.rows <= 1)) {}
};

// Which elements of a tile are a thread's. Each warp has 32 rows; a quarter of its lanes shares a
// row, so that they read a row of the left slice at one address and the columns of the right one
// side by side.
template <int kColumns>
struct TilePlace {
  static constexpr int kWidth = kColumns < 4 ? kColumns : 4;

  int group = static_cast<int>(threadIdx.x) / 8;
  int lane = static_cast<int>(threadIdx.x) % 8;

  __device__ int row(int r) const { return group / 4 * 32 + 4 * r + group % 4; }
  // The first of the p-th pack of columns.
  __device__ int column(int p) const { return p * 32 + lane * kWidth; }
};

// The rows are longer than the slice, so that reading four rows at once meets different banks.
template <int kColumns>
struct TileMemory {
  static constexpr int kCols = 8 * kColumns;
  alignas(16) float left[2][kTileRows][kTileDepth + 4];
  alignas(16) float right[2][kTileDepth][kCols + 4];
};

// Rows or columns [first, last) of a matrix as far as they lie in a slice of kMost.
template <int kMost>
__device__ int within(Index first, Index last) {
  return last - first < kMost ? static_cast<int>(last - first) : kMost;
}

// to(i, j) = x(first_row + i, first_col + j), zero from `last_row` and from x.cols on. A thread's
// copies lie below each other.
template <int kThreads, int kRows, int kCols, int kStride>
__device__ void copy_slice(const Operand& from, Index first_row, Index last_row, Index first_col,
                           float (&to)[kRows][kStride]) {
  constexpr int kWide = 4, kAcross = kCols / kWide;
  static_assert(kThreads % kCols == 0);
  const ConstView& x = from.x;
  const int rows = within<kRows>(first_row, last_row), cols = within<kCols>(first_col, x.cols);
  const int thread = static_cast<int>(threadIdx.x);
  if (from.is_wide) {
    const int j = thread % kAcross * kWide;
    const int there = cols - j < 0 ? 0 : cols - j < kWide ? cols - j : kWide;
    const Real* const column = x.row(first_row) + first_col + j;
    for (int i = thread / kAcross, down = 0; down < kRows; down += kThreads / kAcross) {
      if (i + down >= kRows) continue;
      const int valid = i + down < rows ? there : 0;
      copy_async<16>(&to[i + down][j], valid > 0 ? column + (i + down) * x.stride : x.data,
                     4 * valid);
    }
  } else {
    const int j = thread % kCols;
    const Real* const column = x.row(first_row) + first_col + j;
#pragma unroll 1  // addresses worked out in advance would fill the registers
    for (int i = thread / kCols, down = 0; down < kRows; down += kThreads / kCols) {
      const bool valid = i + down < rows && j < cols;
      copy_async<4>(&to[i + down][j], valid ? column + (i + down) * x.stride : x.data,
                    valid ? 4 : 0);
    }
  }
}

// to(j, i) = x(first_row + i, first_col + j), zero outside of x.
template <int kThreads, int kRows, int kCols, int kStride>
__device__ void copy_transposed(const Operand& from, Index first_row, Index first_col,
                                float (&to)[kCols][kStride]) {
  static_assert(kThreads % kCols == 0);
  const ConstView& x = from.x;
  const int rows = within<kRows>(first_row, x.rows), cols = within<kCols>(first_col, x.cols);
  const int thread = static_cast<int>(threadIdx.x), j = thread % kCols;
  const Real* const column = x.row(first_row) + first_col + j;
#pragma unroll 2
  for (int i = thread / kCols, down = 0; down < kRows; down += kThreads / kCols) {
    const bool valid = i + down < rows && j < cols;
    copy_async<4>(&to[j][i + down], valid ? column + (i + down) * x.stride : x.data, valid ? 4 : 0);
  }
}

// What is multiplied: rows [first_row, last_row) of left:(rows, depth) with columns from first_col
// of right:(depth, cols), or, transposed, of right:(cols, depth).
struct TileProduct {
  Operand left, right;
  Index first_row, last_row, first_col;
};

template <int kColumns, bool kIsTransposed>
__device__ void copy_slices(const TileProduct& p, Index depth, int turn,
                            TileMemory<kColumns>& memory) {
  constexpr int kCols = 8 * kColumns;
  copy_slice<kTileThreads, kTileRows, kTileDepth>(p.left, p.first_row, p.last_row, depth,
                                                  memory.left[turn]);
  if constexpr (kIsTransposed) {
    copy_transposed<kTileThreads, kCols, kTileDepth>(p.right, p.first_col, depth,
                                                     memory.right[turn]);
  } else {
    copy_slice<kTileThreads, kTileDepth, kCols>(p.right, depth, p.right.x.rows, p.first_col,
                                                memory.right[turn]);
  }
}

template <int kColumns>
__device__ void multiply_slices(const TileMemory<kColumns>& memory, int turn,
                                float (&sum)[8][kColumns]) {
  using Place = TilePlace<kColumns>;
  constexpr int kWidth = Place::kWidth;
  const Place place;
  for (int q = 0; q < kTileDepth; q += 2) {
    Pack<2> a[8];
    for (int r = 0; r < 8; ++r) {
      a[r] = reinterpret_cast<const Pack<2>&>(memory.left[turn][place.row(r)][q]);
    }
    for (int e = 0; e < 2; ++e) {
      Pack<kWidth> b[kColumns / kWidth];
      for (int p = 0; p < kColumns / kWidth; ++p) {
        b[p] = reinterpret_cast<const Pack<kWidth>&>(memory.right[turn][q + e][place.column(p)]);
      }
      for (int r = 0; r < 8; ++r) {
        for (int c = 0; c < kColumns; ++c) {
          sum[r][c] = fmaf(a[r].at[e], b[c / kWidth].at[c % kWidth], sum[r][c]);
        }
      }
    }
  }
}

// Leaves the thread's elements of the tile in `sum`. All threads of the block call it; `memory` may
// be used again after a barrier.
template <int kColumns, bool kIsTransposed>
__device__ void multiply(const TileProduct& p, TileMemory<kColumns>& memory,
                         float (&sum)[8][kColumns]) {
  for (int r = 0; r < 8; ++r) {
    for (int c = 0; c < kColumns; ++c) sum[r][c] = 0;
  }
  const Index depth = p.left.x.cols;
  if (depth > 0) copy_slices<kColumns, kIsTransposed>(p, 0, 0, memory);
  int turn = 0;
  for (Index at = 0; at < depth; at += kTileDepth, turn ^= 1) {
    wait_for_copies();
    __syncthreads();  // the slice is there, and nobody reads the one before it any more
    if (at + kTileDepth < depth) {
      copy_slices<kColumns, kIsTransposed>(p, at + kTileDepth, turn ^ 1, memory);
    }
    multiply_slices(memory, turn, sum);
  }
}

}  // namespace chorale::cuda

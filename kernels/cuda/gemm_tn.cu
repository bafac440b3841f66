// CUDA: gradients of small matrices, sums of x_i^T dy_i over very many rows. A group's rows are cut
// into chunks, a block sums one chunk for one tile of (64, 64) elements, and a second kernel adds
// the chunks up: so a lane of a thousand rows and one of a million both occupy the whole device.
//
// The order of summation depends on the number of rows of the group and on the matrix's shape:
// ascending rows in fused steps within a chunk; then eight sums of every eighth chunk, and a tree.
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/pieces.h"
#include "kernels/cuda/tile.h"

namespace chorale {

using cuda::Matrices;
using cuda::Operand;
using cuda::Pieces;

namespace {

constexpr int kRows = 64;  // of a tile: columns of x
constexpr int kThreads = 64;
constexpr int kDepth = cuda::kTileDepth;

Index ratio_up(Index a, Index b) { return (a + b - 1) / b; }

// How many rows a chunk has: at least 128, and not more than about 1,024 blocks a matrix.
struct Chunks {
  Index most;  // of a group

  Chunks(Index k, Index m)
      : most(std::clamp<Index>(1024 / (ratio_up(k, kRows) * ratio_up(m, 64)), 16, 1024)) {}
  CHORALE_EVERYWHERE Index length(Index rows) const {
    const Index wanted = (rows + most - 1) / most;
    return wanted <= 128 ? 128 : (wanted + kDepth - 1) / kDepth * kDepth;
  }
};

template <int kColumns>
struct Memory {
  alignas(16) float left[2][kDepth][kRows];
  alignas(16) float right[2][kDepth][8 * kColumns];
};

// sums[piece] = sum over a chunk's rows of x_i^T dy_i; a block does one tile of it.
template <int kColumns>
__global__ void __launch_bounds__(kThreads, 8)
    chunk_kernel(Operand x, Operand dy, Pieces pieces, Chunks chunks, int tiles_across, int tiles,
                 float* sums) {
  constexpr int kWidth = kColumns < 4 ? kColumns : 4;
  __shared__ Memory<kColumns> memory;
  const int piece = static_cast<int>(blockIdx.x) / tiles;
  const int tile = static_cast<int>(blockIdx.x) % tiles;
  const int g = pieces.group_of(piece);
  const Index length = chunks.length(pieces.begin[g + 1] - pieces.begin[g]);
  const Index first = pieces.begin[g] + (piece - pieces.first[g]) * length;
  const Index rest = pieces.begin[g + 1] - first;
  const Index last = first + (rest < length ? rest : length);
  const Index first_k = static_cast<Index>(tile / tiles_across) * kRows;
  const Index first_m = static_cast<Index>(tile % tiles_across) * 8 * kColumns;
  const auto copy = [&](Index row, int turn) {
    cuda::copy_slice<kThreads, kDepth, kRows>(x, row, last, first_k, memory.left[turn]);
    cuda::copy_slice<kThreads, kDepth, 8 * kColumns>(dy, row, last, first_m, memory.right[turn]);
  };
  const int up = static_cast<int>(threadIdx.x) / 8, across = static_cast<int>(threadIdx.x) % 8;

  float sum[8][kColumns];
  for (int r = 0; r < 8; ++r) {
    for (int c = 0; c < kColumns; ++c) sum[r][c] = 0;
  }
  copy(first, 0);
  int turn = 0;
  for (Index row = first; row < last; row += kDepth, turn ^= 1) {
    cuda::wait_for_copies();
    __syncthreads();  // the slice is there, and nobody reads the one before it any more
    if (row + kDepth < last) copy(row + kDepth, turn ^ 1);
    for (int q = 0; q < kDepth; ++q) {
      cuda::Pack<4> a[2];
      cuda::Pack<kWidth> b[kColumns / kWidth];
      for (int p = 0; p < 2; ++p) {
        a[p] = reinterpret_cast<const cuda::Pack<4>&>(memory.left[turn][q][32 * p + 4 * up]);
      }
      for (int p = 0; p < kColumns / kWidth; ++p) {
        b[p] = reinterpret_cast<const cuda::Pack<kWidth>&>(
            memory.right[turn][q][32 * p + kWidth * across]);
      }
      for (int r = 0; r < 8; ++r) {
        for (int c = 0; c < kColumns; ++c) {
          sum[r][c] = fmaf(a[r / 4].at[r % 4], b[c / kWidth].at[c % kWidth], sum[r][c]);
        }
      }
    }
  }

  float* matrix = sums + piece * x.x.cols * dy.x.cols;
  for (int r = 0; r < 8; ++r) {
    for (int c = 0; c < kColumns; ++c) {
      const Index i = first_k + r / 4 * 32 + 4 * up + r % 4;
      const Index j = first_m + c / kWidth * 32 + kWidth * across + c % kWidth;
      if (i < x.x.cols && j < dy.x.cols) matrix[i * dy.x.cols + j] = sum[r][c];
    }
  }
}

// dw_g += the sum over the group's chunks: eight threads share an element, each takes every eighth
// chunk; then a tree.
__global__ void add_chunks_kernel(Pieces pieces, const float* sums, Matrices<Real> dw,
                                  int blocks_of_group) {
  constexpr int kSharers = 8, kElements = 32;
  __shared__ double partial[kSharers][kElements];
  const int g = static_cast<int>(blockIdx.x) / blocks_of_group;
  const int element = static_cast<int>(threadIdx.x) % kElements;
  const int sharer = static_cast<int>(threadIdx.x) / kElements;
  const Index size = dw.rows * dw.cols;
  const Index e =
      static_cast<Index>(static_cast<int>(blockIdx.x) % blocks_of_group) * kElements + element;
  double sum = 0;
  if (e < size) {
    for (int piece = pieces.first[g] + sharer; piece < pieces.first[g + 1]; piece += kSharers) {
      sum += static_cast<double>(sums[piece * size + e]);
    }
  }
  partial[sharer][element] = sum;
  for (int half = kSharers / 2; half > 0; half /= 2) {
    __syncthreads();
    if (sharer < half) partial[sharer][element] += partial[sharer + half][element];
  }
  if (sharer == 0 && e < size) {
    Real& there = dw.of(pieces.matrix[g])[e / dw.cols * dw.stride + e % dw.cols];
    there += static_cast<Real>(partial[0][element]);
  }
}

template <int kColumns>
void launch_sums(cuda::Queue& queue, ConstView x, Groups begin, ConstView dy, Matrices<Real> dw) {
  constexpr Index kMostSums = Index{1} << 24;  // 64 MiB
  const Chunks chunks(x.cols, dy.cols);
  const Index size = x.cols * dy.cols;
  const Index tiles_across = ratio_up(dy.cols, 8 * kColumns);
  const Index tiles = tiles_across * ratio_up(x.cols, kRows);
  const auto pieces_of = [&](Index rows) { return ratio_up(rows, chunks.length(rows)); };
  cuda::each_batch(begin, std::max<Index>(kMostSums / size, 1), pieces_of, [&](const Pieces& p) {
    auto* sums = queue.scratch_of<float>(static_cast<std::size_t>(p.count() * size));
    cuda::launch(queue, {.blocks = p.count() * tiles, .threads = kThreads}, chunk_kernel<kColumns>,
                 Operand(x), Operand(dy), p, chunks, static_cast<int>(tiles_across),
                 static_cast<int>(tiles), sums);
    const Index blocks_of_group = ratio_up(size, 32);
    cuda::launch(queue, {.blocks = p.groups * blocks_of_group, .threads = 256}, add_chunks_kernel,
                 p, sums, dw, static_cast<int>(blocks_of_group));
  });
}

void sums(cuda::Queue& queue, ConstView x, Groups begin, ConstView dy, Matrices<Real> dw) {
  if (x.cols == 0 || dy.cols == 0) return;
  if (dy.cols <= 16) {
    launch_sums<2>(queue, x, begin, dy, dw);
  } else if (dy.cols <= 32) {
    launch_sums<4>(queue, x, begin, dy, dw);
  } else {
    launch_sums<8>(queue, x, begin, dy, dw);
  }
}

}  // namespace

void CudaKernels::gemm_tn(ConstView x, ConstView dy, View dw) const {
  const Index all[] = {0, x.rows};
  sums(queue_, x, all, dy, {dw.data, 0, dw.rows, dw.cols, dw.stride});
}

void CudaKernels::grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const {
  sums(queue_, x, begin, dy, {dw.data, dw.stride, x.cols, dy.cols, dy.cols});
}

}  // namespace chorale

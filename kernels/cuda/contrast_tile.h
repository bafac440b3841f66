// The inside of contrast's kernels: a block of four warps walks over tiles of the other rows, which
// are copied to shared memory two tiles ahead; a warp multiplies its 32 own rows with them.
//
// With g = lane / 4 and t = lane % 4, a thread holds of a warp's (32, kTile) products x in
// x[m][n][e] that of own row 16 m + 8 (e / 2) + g and other row 8 n + 2 t + e % 2.
#pragma once

#include <limits>

#include "kernels/cuda/contrast_pass.h"

namespace chorale::cuda {

constexpr int kThreads = 128;  // of a block
constexpr int kStages = 3;     // tiles in shared memory

// What a stage of shared memory holds: one slice of a tile of other rows, and their numbers.
template <int kTerms, int kTile>
struct Stage {
  static constexpr int kImage = kTile * kRowBytes;
  static constexpr int kOffsets = kTerms * kImage;
  static constexpr int kFactors = kOffsets + kTile * 4;
  static constexpr int kNames = kFactors + kTile * 4;
  static constexpr int kBytes = kNames + kTile * 8;

  unsigned char* at;

  __device__ const unsigned char* image(int term) const { return at + term * kImage; }
  __device__ const float* offsets() const { return reinterpret_cast<const float*>(at + kOffsets); }
  __device__ const float* factors() const { return reinterpret_cast<const float*>(at + kFactors); }
  __device__ const Index* names() const { return reinterpret_cast<const Index*>(at + kNames); }

  // Enqueues the copies of rows [row, row + kTile).
  __device__ void fetch(const Pass& p, Index row, int slice) const {
    const int me = static_cast<int>(threadIdx.x);
    const Index plane = p.padded * kRowBytes;
    const unsigned char* from = p.images + slice * kTerms * plane + row * kRowBytes;
    static_assert(kImage % (kThreads * 16) == 0);
#pragma unroll
    for (int t = 0; t < kTerms; ++t) {
#pragma unroll
      for (int c = 0; c < kImage; c += kThreads * 16) {
        copy_async<16>(at + t * kImage + c + me * 16, from + t * plane + c + me * 16, 16);
      }
    }
    const int numbers = me * 4, names = me * 2;
    if (p.offsets != nullptr && numbers < kTile) {
      copy_async<16>(at + kOffsets + me * 16, p.offsets + row + numbers, 16);
    }
    if (p.factors != nullptr && numbers < kTile) {
      copy_async<16>(at + kFactors + me * 16, p.factors + row + numbers, 16);
    }
    if (p.names != nullptr && names < kTile) {
      copy_async<16>(at + kNames + me * 16, p.names + row + names, 16);
    }
  }
};

// Known when compiled unless rows are wider than a slice, which few are.
template <bool kWide>
__device__ int slices_of(const Pass& p) {
  return kWide ? p.slices : 1;
}

// use(stage, row, visit) for the tiles of other rows [first, last), ascending. A tile is visited
// once a slice and then, unless extra_slice is -1, once more with that slice.
template <int kTerms, int kTile, bool kWide, class Use>
__device__ void walk(const Pass& p, Index first, Index last, int extra_slice, Use use) {
  using TileStage = Stage<kTerms, kTile>;
  unsigned char* const shared = dynamic_shared();
  const int slices = slices_of<kWide>(p);
  const int visits = kWide && extra_slice >= 0 ? slices + 1 : slices;
  Index next_row = first;  // of the visit that is fetched next
  int next_visit = 0;
  const auto fetch_next = [&](int stage) {
    if (next_row < last) {
      const TileStage to{shared + stage * TileStage::kBytes};
      to.fetch(p, next_row, next_visit < slices ? next_visit : extra_slice);
      ++next_visit;
      if (next_visit == visits) {
        next_visit = 0;
        next_row += kTile;
      }
    }
    close_copies();
  };
  __syncthreads();  // the stages may still be read for the section before
  for (int s = 0; s + 1 < kStages; ++s) fetch_next(s);
  int stage = 0;
  for (Index row = first; row < last; row += kTile) {
    for (int visit = 0; visit < visits; ++visit) {
      wait_for_copies<kStages - 2>();
      __syncthreads();
      fetch_next(stage == 0 ? kStages - 1 : stage - 1);  // all have left the stage before this one
      use(TileStage{shared + stage * TileStage::kBytes}, row, visit);
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
  }
}

// A warp's own rows: one slice of them, as multiply_tile's left operand.
template <int kTerms>
struct OwnRows {
  Index begin;  // the first, among the own rows
  std::uint32_t word[kSteps][kTerms][2][4] = {};
  __device__ OwnRows()
      : begin(static_cast<Index>(blockIdx.x) * kOwnTile + threadIdx.x / 32 * kWarpTile) {}

  __device__ void hold(const Pass& p, int slice) {
    const Words* from =
        p.fragments + (begin / 16 * p.slices + slice) * kSteps * kTerms * 32 + threadIdx.x % 32;
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int k = 0; k < kSteps; ++k) {
#pragma unroll
        for (int t = 0; t < kTerms; ++t) {
          const Words words = from[((m * p.slices * kSteps + k) * kTerms + t) * 32];
          for (int w = 0; w < 4; ++w) word[k][t][m][w] = words.word[w];
        }
      }
    }
  }

  // Of the own rows, that of products x[m][n][2 half ..].
  __device__ Index row(int m, int half) const {
    return begin + m * 16 + half * 8 + threadIdx.x % 32 / 4;
  }
};

template <int kTiles>
__device__ void clear_tile(float (&x)[2][kTiles][4]) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < kTiles; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) x[m][n][e] = 0;
    }
  }
}

// Of a warp: c's columns 16 n .. 16 n + 15 += left:(32,16) right:(16,16). Products of two small
// terms are left out, and the smaller ones come first.
template <int kTerms, int kTiles>
__device__ void multiply_terms(const std::uint32_t (&left)[kTerms][2][4],
                               const std::uint32_t (&right)[kTerms][4], int n,
                               float (&c)[2][kTiles][4]) {
#pragma unroll
  for (int order = kTerms - 1; order >= 0; --order) {
#pragma unroll
    for (int i = 0; i <= order; ++i) {
      const std::uint32_t(&r)[4] = right[order - i];
      const std::uint32_t b[2][2] = {{r[0], r[1]}, {r[2], r[3]}};
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        multiply_tile(c[m][2 * n], left[i][m], b[0]);
        multiply_tile(c[m][2 * n + 1], left[i][m], b[1]);
      }
    }
  }
}

// x += own rows times the rows of the stage.
template <int kTerms, int kTile>
__device__ void add_products(const OwnRows<kTerms>& own, const Stage<kTerms, kTile>& stage,
                             float (&x)[2][kTile / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int at = (lane / 16 * 8 + lane % 8) * kRowBytes + unit_of(lane, lane / 8 % 2);
#pragma unroll
  for (int k = 0; k < kSteps; ++k) {
#pragma unroll
    for (int n = 0; n < kTile / 16; ++n) {
      std::uint32_t right[kTerms][4];
#pragma unroll
      for (int t = 0; t < kTerms; ++t) {  // ^: 2 k units further, see unit_of
        load_matrices(right[t], stage.image(t) + n * 16 * kRowBytes + (at ^ (k * 32)));
      }
      multiply_terms(own.word[k], right, n, x);
    }
  }
}

// What an own row brings to its pairs; of rows beyond the last, nothing.
struct OwnNumbers {
  float offset[2][2];  // by m and e / 2
  float factor[2][2];

  template <int kTerms>
  __device__ OwnNumbers(const Pass& p, const OwnRows<kTerms>& own) {
    for (int m = 0; m < 2; ++m) {
      for (int half = 0; half < 2; ++half) {
        const Index i = own.row(m, half);
        const bool is_row = i < p.rows;
        offset[m][half] = is_row ? p.own.offset(p.first + i) : 0.0f;
        factor[m][half] =
            is_row && p.own.factors.data != nullptr ? p.own.factors(p.first + i, 0) : 0.0f;
      }
    }
  }
};

// The names of a block's own rows, behind its stages. A barrier must follow.
inline __device__ void store_own_names(const Pass& p, Index* names) {
  if (p.own.names == nullptr) return;
  const Index i = static_cast<Index>(blockIdx.x) * kOwnTile + threadIdx.x;
  names[threadIdx.x] = i < p.rows ? p.own.names[p.first + i] : 0;
}

// x = -infinity where is_out(m, half, column).
template <int kTile, class IsOut>
__device__ void leave_out_where(float (&x)[2][kTile / 8][4], IsOut is_out) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < kTile / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int column = n * 8 + static_cast<int>(threadIdx.x % 4) * 2 + e % 2;
        if (is_out(m, e / 2, column)) x[m][n][e] = -std::numeric_limits<float>::infinity();
      }
    }
  }
}

// Puts -infinity in the place of pairs that do not count. row: the first other row of the tile.
template <int kTerms, int kTile>
__device__ void leave_out(const Pass& p, const OwnRows<kTerms>& own, const Index* own_names,
                          Index row, const Index* names, float (&x)[2][kTile / 8][4]) {
  if (row + kTile > p.others) {
    const int rows = static_cast<int>(p.others - row);
    leave_out_where<kTile>(x, [&](int, int, int column) { return column >= rows; });
  }
  const Index self = p.first + own.begin;
  if (p.skips_self && row < self + kWarpTile && self < row + kTile) {
    const int shift = static_cast<int>(self - row) + static_cast<int>(threadIdx.x % 32 / 4);
    leave_out_where<kTile>(
        x, [&](int m, int half, int column) { return column == shift + m * 16 + half * 8; });
  }
  if (p.names != nullptr) {
    const Index* mine = own_names + threadIdx.x / 32 * kWarpTile + threadIdx.x % 32 / 4;
    const Index of_row[2][2] = {{mine[0], mine[8]}, {mine[16], mine[24]}};
    leave_out_where<kTile>(
        x, [&](int m, int half, int column) { return of_row[m][half] == names[column]; });
  }
}

// Two numbers of other rows 8 n + 2 t and the next.
struct alignas(8) Two {
  float of[2];
};
__device__ inline Two two_of(const float* numbers, int n) {
  return reinterpret_cast<const Two*>(numbers)[n * 4 + threadIdx.x % 4];
}

}  // namespace chorale::cuda

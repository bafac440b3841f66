// CUDA: gradients of sums over pairs of rows.
//
// One pass a side: a block owns 128 rows and walks over all rows of the other operand in tiles of
// 32, in ascending order. A warp computes 32 x 32 products again, makes weights of them where they
// stand, in the registers, and multiplies these with the tile once more. Its sums, (32, 64), stay
// in registers for 256 other rows and are then added to running sums in shared memory, because
// matrix units do not round what they add, they cut it off. Of more than 64 columns, blocks
// compute 64 each, and the products anew.
#include "kernels/cuda/contrast_tile.h"
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {
namespace cuda {
namespace {

constexpr int kTile = 32;
constexpr Index kPromoted = 256;  // other rows between two additions to the running sums
constexpr int kSumTiles = kSlice / 8;
constexpr int kSums = 2 * kSumTiles * 4;  // of a thread

using Sums = float[2][kSumTiles][4];

template <int kTerms>
constexpr std::size_t kShared = kStages* Stage<kTerms, kTile>::kBytes +
                                kSums* kThreads * sizeof(float) + kOwnTile * sizeof(Index);

// A thread's sums of a section, in shared memory.
struct RunningSums {
  float* mine;

  __device__ float& of(int m, int n, int e) const {
    return mine[((m * kSumTiles + n) * 4 + e) * kThreads];
  }
  __device__ void clear() const {
    for (int s = 0; s < kSums; ++s) mine[s * kThreads] = 0;
  }
  // Adds and clears.
  __device__ void take(Sums& sums) const {
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int n = 0; n < kSumTiles; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          of(m, n, e) += sums[m][n][e];
          sums[m][n][e] = 0;
        }
      }
    }
  }
};

// Products to exponents of two.
template <OtherBrings kBrings, int kTerms>
__device__ void to_exponents(const Pass& p, const OwnNumbers& numbers,
                             const Stage<kTerms, kTile>& stage, float (&x)[2][kTile / 8][4]) {
#pragma unroll
  for (int n = 0; n < kTile / 8; ++n) {
    Two offsets{};
    if constexpr (kBrings == OtherBrings::offsets_and_factors) {
      offsets = two_of(stage.offsets(), n);
    }
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const bool is_others = kBrings == OtherBrings::offsets_and_factors;
        const float offset = is_others ? offsets.of[e % 2] : numbers.offset[m][e / 2];
        x[m][n][e] = fmaf(x[m][n][e], p.unit, offset);
      }
    }
  }
}

// Exponents of two to weights; an own row's factor that is the same for all pairs comes last, when
// they are summed.
template <OtherBrings kBrings, int kTerms>
__device__ void to_weights(const OwnNumbers& numbers, const Stage<kTerms, kTile>& stage,
                           float (&x)[2][kTile / 8][4]) {
#pragma unroll
  for (int n = 0; n < kTile / 8; ++n) {
    Two factors{};
    if constexpr (kBrings != OtherBrings::nothing) factors = two_of(stage.factors(), n);
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        float& w = x[m][n][e];
        w = exp2_approximately(w);
        if constexpr (kBrings == OtherBrings::offsets_and_factors) w *= factors.of[e % 2];
        if constexpr (kBrings == OtherBrings::factors) {
          w *= numbers.factor[m][e / 2] + factors.of[e % 2];
        }
      }
    }
  }
}

// sums += weights:(32,kTile) times the stage's slice:(kTile,64). A thread's products are what it
// must hold of multiply_tile's left operand.
template <int kTerms>
__device__ void add_weighted(const float (&w)[2][kTile / 8][4], const Stage<kTerms, kTile>& stage,
                             Sums& sums) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int at = lane % 16 * kRowBytes + unit_of(lane, lane / 16);
#pragma unroll
  for (int k = 0; k < kTile / 16; ++k) {
    std::uint32_t left[kTerms][2][4];
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int q = 0; q < 4; ++q) {
        const float(&pair)[4] = w[m][2 * k + q / 2];
        std::uint32_t terms[kTerms];
        split(pair[q % 2 * 2], pair[q % 2 * 2 + 1], terms);
#pragma unroll
        for (int t = 0; t < kTerms; ++t) left[t][m][q] = terms[t];
      }
    }
#pragma unroll
    for (int n = 0; n < kSlice / 16; ++n) {
      std::uint32_t right[kTerms][4];
#pragma unroll
      for (int t = 0; t < kTerms; ++t) {  // ^: 2 n units further, see unit_of
        load_matrices_transposed(right[t], stage.image(t) + k * 16 * kRowBytes + (at ^ (n * 32)));
      }
      multiply_terms(left, right, n, sums);
    }
  }
}

// By what a row's sums are multiplied at last.
template <OtherBrings kBrings>
__device__ float last_factor(const Pass& p, float scale, Index i) {
  return kBrings == OtherBrings::nothing ? scale * p.own.factors(p.first + i, 0) : scale;
}

// Adds a section's sums to dx, or stores them as the section's partials.
template <OtherBrings kBrings, int kTerms>
__device__ void finish_section(const Pass& p, Index section, int slice, float scale,
                               const OwnRows<kTerms>& own, const RunningSums& running, View dx) {
  for (int s = 0; s < kSums; ++s) {
    const int m = s / (kSumTiles * 4), n = s / 4 % kSumTiles, e = s % 4;
    const Index i = own.row(m, e / 2);
    const Index j = slice * kSlice + n * 8 + static_cast<Index>(threadIdx.x % 4) * 2 + e % 2;
    if (i >= p.rows || j >= dx.cols) continue;
    const float sum = running.of(m, n, e);
    if (p.partials != nullptr) {
      p.partials[(section * p.rows + i) * dx.cols + j] = sum;
    } else {
      dx(i, j) = fmaf(last_factor<kBrings>(p, scale, i), sum, dx(i, j));
    }
  }
}

// running = the section's sums of a slice of columns.
template <OtherBrings kBrings, bool kWide, int kTerms>
__device__ void sum_section(const Pass& p, Index section, int slice, OwnRows<kTerms>& own,
                            const OwnNumbers& numbers, const Index* own_names,
                            const RunningSums& running) {
  const bool is_idle = own.begin >= p.rows;  // a warp takes part in copies all the same
  const Index first = section * p.section, last = std::min(first + p.section, p.others);
  const int extra_slice = kWide ? slice : -1;  // one slice serves both products
  const int last_visit = kWide ? p.slices : 0;
  running.clear();
  Sums sums;
  clear_tile(sums);
  float x[2][kTile / 8][4];
  walk<kTerms, kTile, kWide>(p, first, last, extra_slice,
                             [&](const auto& stage, Index row, int visit) {
                               if (is_idle) return;
                               if (visit < slices_of<kWide>(p)) {
                                 if (visit == 0) clear_tile(x);
                                 if (kWide) own.hold(p, visit);
                                 add_products(own, stage, x);
                               }
                               if (visit < last_visit) return;
                               to_exponents<kBrings>(p, numbers, stage, x);
                               leave_out<kTerms, kTile>(p, own, own_names, row, stage.names(), x);
                               to_weights<kBrings>(numbers, stage, x);
                               add_weighted(x, stage, sums);
                               if ((row + kTile - first) % kPromoted == 0 || row + kTile >= last)
                                 running.take(sums);
                             });
}

// dx += factors o (weights times the other rows), of one slice of columns a block.
template <int kTerms, OtherBrings kBrings, bool kWide>
__global__ void add_weighted_rows_kernel(Pass p, float scale, View dx) {
  unsigned char* behind_stages = dynamic_shared() + kStages * Stage<kTerms, kTile>::kBytes;
  const RunningSums running{reinterpret_cast<float*>(behind_stages) + threadIdx.x};
  auto* own_names = reinterpret_cast<Index*>(behind_stages + kSums * kThreads * sizeof(float));
  store_own_names(p, own_names);
  OwnRows<kTerms> own;
  if (own.begin < p.rows) own.hold(p, 0);
  const OwnNumbers numbers(p, own);
  const bool is_split = p.partials != nullptr;
  const int slice = static_cast<int>(blockIdx.y) % p.slices;
  const Index begin = is_split ? static_cast<int>(blockIdx.y) / p.slices : 0;
  const Index end = is_split ? begin + 1 : p.sections;
  for (Index section = begin; section < end; ++section) {
    sum_section<kBrings, kWide>(p, section, slice, own, numbers, own_names, running);
    finish_section<kBrings>(p, section, slice, scale, own, running, dx);
  }
}

template <int kTerms, OtherBrings kBrings>
void add_weighted_rows(Queue& queue, const Operand& other, Pass p, float scale, View dx) {
  if (p.rows == 0 || other.x.rows == 0) return;
  prepare<kTerms>(queue, other, kBrings, dx.cols, p);
  const Index sections = p.partials != nullptr ? p.sections : 1;
  const Shape shape{.blocks = (p.rows + kOwnTile - 1) / kOwnTile,
                    .threads = kThreads,
                    .blocks_y = sections * p.slices,
                    .shared = kShared<kTerms>};
  if (p.slices == 1) {
    launch(queue, shape, add_weighted_rows_kernel<kTerms, kBrings, false>, p, scale, dx);
  } else {
    launch(queue, shape, add_weighted_rows_kernel<kTerms, kBrings, true>, p, scale, dx);
  }
  if (p.partials == nullptr) return;
  each(queue, p.rows, dx.cols, [=] __device__(Index i, Index j) {
    const float factor = last_factor<kBrings>(p, scale, i);
    for (Index s = 0; s < p.sections; ++s) {
      dx(i, j) = fmaf(factor, p.partials[(s * p.rows + i) * dx.cols + j], dx(i, j));
    }
  });
}

template <OtherBrings kBrings>
void add_gradient(Queue& queue, CudaOptions options, const Operand& other, const Pass& p,
                  float scale, View dx) {
  if (options.bf16_contrast) {
    add_weighted_rows<1, kBrings>(queue, other, p, scale, dx);
  } else {
    add_weighted_rows<2, kBrings>(queue, other, p, scale, dx);
  }
}

}  // namespace
}  // namespace cuda

void CudaKernels::exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g,
                                Index a_first, View da, Index b_first, View db) const {
  using enum cuda::OtherBrings;
  const cuda::Operand of_a{
      .x = a, .shift = pairs.shift, .shifts = pairs.shifts, .factors = g, .names = pairs.a_names};
  const cuda::Operand of_b{.x = b, .names = pairs.b_names};
  const float unit = pairs.scale * cuda::kLog2E;
  cuda::add_gradient<nothing>(queue_, options_, of_b,
                              {.own = of_a, .first = a_first, .rows = da.rows, .unit = unit},
                              pairs.scale, da);
  cuda::add_gradient<offsets_and_factors>(
      queue_, options_, of_a, {.own = of_b, .first = b_first, .rows = db.rows, .unit = unit},
      pairs.scale, db);
}

void CudaKernels::exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                                     View da) const {
  const cuda::Operand of_a{.x = a, .shift = pairs.shift, .factors = g};
  cuda::add_gradient<cuda::OtherBrings::factors>(queue_, options_, of_a,
                                                 {.own = of_a,
                                                  .first = first,
                                                  .rows = da.rows,
                                                  .unit = pairs.scale * cuda::kLog2E,
                                                  .skips_self = true},
                                                 pairs.scale, da);
}

}  // namespace chorale

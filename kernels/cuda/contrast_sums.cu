// CUDA: sums and maxima over pairs of rows, which are never stored.
//
// A block owns 128 rows and walks over all rows of the other operand in tiles of 64, in ascending
// order; products are made by the matrix units, 32 x 64 a warp, and are folded in registers. So an
// operand of 65,536 rows of 64 columns is read 512 times, from the second-level cache. Where own
// rows are few, a block walks over one section only. The whole square of a symmetric product is
// computed: to use a pair for its column too, blocks would have to add to one another's rows, by
// atomics or by a partial a tile, n * n / 64 numbers.
#include "kernels/cuda/contrast_tile.h"
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {
namespace cuda {
namespace {

enum class Fold { sum, maximum };

template <Fold kFold>
__device__ float fold(float x, float y) {
  return kFold == Fold::sum ? x + y : fmaxf(x, y);
}
template <Fold kFold>
constexpr float kNothing = kFold == Fold::sum ? 0.0f : -std::numeric_limits<float>::infinity();

constexpr int kTile = 64;
template <int kTerms>
constexpr std::size_t kShared = kStages* Stage<kTerms, kTile>::kBytes + kOwnTile * sizeof(Index);

// total = total folded with those of x that have its row. A tile is folded by itself first, which
// keeps long sums exact.
template <Fold kFold>
__device__ void fold_tile(const float (&x)[2][kTile / 8][4], float (&total)[2][2]) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float of_tile = kNothing<kFold>;
#pragma unroll
      for (int n = 0; n < kTile / 8; ++n) {
        of_tile = fold<kFold>(fold<kFold>(of_tile, x[m][n][2 * half]), x[m][n][2 * half + 1]);
      }
      total[m][half] = fold<kFold>(total[m][half], of_tile);
    }
  }
}

// What a sum makes of products: exponentials; a maximum takes them as they are.
template <Fold kFold>
__device__ void exponentiate(float (&x)[2][kTile / 8][4]) {
  if constexpr (kFold == Fold::sum) {
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int n = 0; n < kTile / 8; ++n) {
#pragma unroll
        for (int e = 0; e < 4; ++e) x[m][n][e] = exp2_approximately(x[m][n][e]);
      }
    }
  }
}

__device__ void to_exponents(const Pass& p, const OwnNumbers& numbers,
                             float (&x)[2][kTile / 8][4]) {
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < kTile / 8; ++n) {
#pragma unroll
      for (int e = 0; e < 4; ++e) x[m][n][e] = fmaf(x[m][n][e], p.unit, numbers.offset[m][e / 2]);
    }
  }
}

// The fold of a section's pairs, a row in total[m][half] of the four threads that share it.
template <int kTerms, Fold kFold, bool kWide>
__device__ void fold_section(const Pass& p, Index section, OwnRows<kTerms>& own,
                             const OwnNumbers& numbers, const Index* own_names,
                             float (&total)[2][2]) {
  const bool is_idle = own.begin >= p.rows;  // a warp takes part in copies all the same
  const Index first = section * p.section, last = std::min(first + p.section, p.others);
  float x[2][kTile / 8][4];
  walk<kTerms, kTile, kWide>(p, first, last, -1, [&](const auto& stage, Index row, int slice) {
    if (is_idle) return;
    if (slice == 0) clear_tile(x);
    if (kWide) own.hold(p, slice);
    add_products(own, stage, x);
    if (slice + 1 < slices_of<kWide>(p)) return;
    to_exponents(p, numbers, x);
    leave_out<kTerms, kTile>(p, own, own_names, row, stage.names(), x);
    exponentiate<kFold>(x);
    fold_tile<kFold>(x, total);
  });
  for (int m = 0; m < 2; ++m) {
    for (int half = 0; half < 2; ++half) {
      float& y = total[m][half];
      for (int other : {1, 2}) y = fold<kFold>(y, __shfl_xor_sync(0xffffffffu, y, other));
    }
  }
}

// Folds the pairs of own rows into y, or those of one section into its partials.
template <int kTerms, Fold kFold, bool kWide>
__global__ void fold_pairs_kernel(Pass p, View y) {
  auto* own_names =
      reinterpret_cast<Index*>(dynamic_shared() + kStages * Stage<kTerms, kTile>::kBytes);
  store_own_names(p, own_names);
  OwnRows<kTerms> own;
  if (own.begin < p.rows) own.hold(p, 0);
  const OwnNumbers numbers(p, own);
  const bool is_split = p.partials != nullptr;
  const Index begin = is_split ? blockIdx.y : 0, end = is_split ? begin + 1 : p.sections;
  for (Index section = begin; section < end; ++section) {
    float total[2][2] = {{kNothing<kFold>, kNothing<kFold>}, {kNothing<kFold>, kNothing<kFold>}};
    fold_section<kTerms, kFold, kWide>(p, section, own, numbers, own_names, total);
    for (int m = 0; m < 2; ++m) {
      for (int half = 0; half < 2; ++half) {
        const Index i = own.row(m, half);
        if (threadIdx.x % 4 != 0 || i >= p.rows) continue;
        if (is_split) {
          p.partials[section * p.rows + i] = total[m][half];
        } else {
          y(i, 0) = fold<kFold>(y(i, 0), total[m][half]);
        }
      }
    }
  }
}

template <int kTerms, Fold kFold>
void fold_pairs(Queue& queue, const Operand& other, Pass& p, View y) {
  if (p.rows == 0 || other.x.rows == 0) return;
  prepare<kTerms>(queue, other, OtherBrings::nothing, 1, p);
  const Shape shape{.blocks = (p.rows + kOwnTile - 1) / kOwnTile,
                    .threads = kThreads,
                    .blocks_y = p.partials != nullptr ? p.sections : 1,
                    .shared = kShared<kTerms>};
  if (p.slices == 1) {
    launch(queue, shape, fold_pairs_kernel<kTerms, kFold, false>, p, y);
  } else {
    launch(queue, shape, fold_pairs_kernel<kTerms, kFold, true>, p, y);
  }
  if (p.partials == nullptr) return;
  each(queue, p.rows, 1, [=] __device__(Index i, Index) {
    for (Index s = 0; s < p.sections; ++s) {
      y(i, 0) = fold<kFold>(y(i, 0), p.partials[s * p.rows + i]);
    }
  });
}

void add_exp_sums(Queue& queue, bool bf16, const Operand& other, Pass p, View y) {
  if (bf16) {
    fold_pairs<1, Fold::sum>(queue, other, p, y);
  } else {
    fold_pairs<2, Fold::sum>(queue, other, p, y);
  }
}

}  // namespace
}  // namespace cuda

void CudaKernels::exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first,
                           View y) const {
  const cuda::Operand own{
      .x = a, .shift = pairs.shift, .shifts = pairs.shifts, .names = pairs.a_names};
  cuda::add_exp_sums(
      queue_, options_.bf16_contrast, {.x = b, .names = pairs.b_names},
      {.own = own, .first = first, .rows = y.rows, .unit = pairs.scale * cuda::kLog2E}, y);
}

void CudaKernels::exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const {
  cuda::add_exp_sums(queue_, options_.bf16_contrast, {.x = a},
                     {.own = {.x = a, .shift = pairs.shift},
                      .first = first,
                      .rows = y.rows,
                      .unit = pairs.scale * cuda::kLog2E,
                      .skips_self = true},
                     y);
}

// Three terms are an fp32 number: a maximum has no sum behind which an error could hide.
void CudaKernels::max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                               View y) const {
  fill(-std::numeric_limits<Real>::infinity(), y);
  cuda::Pass p{
      .own = {.x = a, .names = pairs.a_names}, .first = first, .rows = y.rows, .unit = pairs.scale};
  cuda::fold_pairs<3, cuda::Fold::maximum>(queue_, {.x = b, .names = pairs.b_names}, p, y);
}

}  // namespace chorale

// See gpu_roofs.h.
#include "tests/bench/gpu_roofs.h"

#include <simt.h>

namespace chorale::bench {
namespace {

constexpr Index kThreads = 256;
constexpr int kInFlight = 8;
constexpr Real kNoSum = Real(-1.2345e37);  // so that the compiler cannot leave the work out

__global__ void copy_kernel(const float4* from, float4* to, Index n) {
  const Index first = static_cast<Index>(blockIdx.x) * kThreads * kInFlight + threadIdx.x;
  float4 words[kInFlight];
  for (int k = 0; k < kInFlight; ++k) {
    if (first + k * kThreads < n) words[k] = from[first + k * kThreads];
  }
  for (int k = 0; k < kInFlight; ++k) {
    if (first + k * kThreads < n) to[first + k * kThreads] = words[k];
  }
}

// Sixteen lanes read a row; each group of them takes kRows rows one after another.
constexpr Index kGroup = 16, kRows = 32;

__global__ void read_rows_kernel(const float4* table, const LocalIndex* ids, Real* out) {
  const Index group = (static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x) / kGroup;
  const Index lane = threadIdx.x % kGroup;
  const LocalIndex* mine = ids + group * kRows;
  Real sum = 0;
  for (Index r = 0; r < kRows; r += kInFlight) {
    float4 words[kInFlight];
    for (int k = 0; k < kInFlight; ++k) words[k] = __ldg(table + mine[r + k] * kGroup + lane);
    for (int k = 0; k < kInFlight; ++k) sum += words[k].x + words[k].y + words[k].z + words[k].w;
  }
  if (sum == kNoSum) *out = sum;
}

constexpr Index kChainBlocks = 4096;
constexpr int kChains = 8, kFusedSteps = 512, kExponentials = 128;

template <int kSteps, class Step>
__device__ void run_chains(Real* out, Step step) {
  Real x[kChains];
  for (int c = 0; c < kChains; ++c) x[c] = Real(-0.001) * static_cast<Real>(threadIdx.x + 1 + c);
  for (int s = 0; s < kSteps; ++s) {
    for (int c = 0; c < kChains; ++c) x[c] = step(x[c]);
  }
  Real sum = 0;
  for (int c = 0; c < kChains; ++c) sum += x[c];
  if (sum == kNoSum) *out = sum;
}

__global__ void fused_kernel(Real a, Real b, Real* out) {
  run_chains<kFusedSteps>(out, [=](Real x) { return fmaf(x, a, b); });
}

__global__ void exponential_kernel(Real* out) {
  run_chains<kExponentials>(out, [](Real x) { return cuda::exp2_approximately(x); });
}

__global__ void hold_kernel(long long clocks) {
  const long long start = clock64();
  while (clock64() - start < clocks) {
  }
}

}  // namespace

void copy_words(cuda::Queue& queue, const Real* from, Real* to, Index n) {
  constexpr Index kBlock = kThreads * kInFlight;
  cuda::launch(queue, {.blocks = (n / 4 + kBlock - 1) / kBlock, .threads = kThreads}, copy_kernel,
               reinterpret_cast<const float4*>(from), reinterpret_cast<float4*>(to), n / 4);
}

void read_rows(cuda::Queue& queue, const Real* table, const LocalIndex* ids, Index n, Real* out) {
  constexpr Index kBlock = kThreads / kGroup * kRows;
  cuda::launch(queue, {.blocks = n / kBlock, .threads = kThreads}, read_rows_kernel,
               reinterpret_cast<const float4*>(table), ids, out);
}

double fused_multiply_adds(cuda::Queue& queue, Real* out) {
  cuda::launch(queue, {.blocks = kChainBlocks, .threads = kThreads}, fused_kernel, Real(0.999),
               Real(0.001), out);
  return 2.0 * kChainBlocks * kThreads * kChains * kFusedSteps;
}

double exponentials(cuda::Queue& queue, Real* out) {
  cuda::launch(queue, {.blocks = kChainBlocks, .threads = kThreads}, exponential_kernel, out);
  return 1.0 * kChainBlocks * kThreads * kChains * kExponentials;
}

void hold(cuda::Queue& queue, long long clocks) {
  cuda::launch(queue, {.blocks = 1, .threads = 32}, hold_kernel, clocks);
}

}  // namespace chorale::bench

// Small kernels that do one thing as fast as the GPU can: what others are held against.
#pragma once

#include "kernels/cuda/queue.h"
#include "kernels/view.h"

namespace chorale::bench {

// n numbers, a multiple of four, from 16-byte words.
void copy_words(cuda::Queue& queue, const Real* from, Real* to, Index n);

// Reads rows ids[0] .. ids[n-1] of 64 numbers (256 bytes) and keeps nothing: `out` is written only
// if a sum is what no sum is.   n: a multiple of 512
void read_rows(cuda::Queue& queue, const Real* table, const LocalIndex* ids, Index n, Real* out);

// Chains in registers; both return how many operations they do: two a fused multiply-add.
double fused_multiply_adds(cuda::Queue& queue, Real* out);
double exponentials(cuda::Queue& queue, Real* out);

// Keeps the GPU busy for so many clocks, while the host enqueues what is to be timed.
void hold(cuda::Queue& queue, long long clocks);

}  // namespace chorale::bench

// One call of a function for each element of a matrix.
#pragma once

#include <algorithm>

#include <simt.h>

namespace chorale::cuda {

// f(i, j) for the elements of a (rows, cols) matrix; neighbouring threads get neighbouring columns.
// `I` is as wide as the number of elements needs: a division by a wide number is slow.
template <class I, class F>
__global__ void each_kernel(I cols, I size, F f) {
  const I step = static_cast<I>(gridDim.x) * blockDim.x;
  for (I e = static_cast<I>(blockIdx.x) * blockDim.x + threadIdx.x; e < size; e += step) {
    f(static_cast<Index>(e / cols), static_cast<Index>(e % cols));
  }
}

template <class F>
void each(Queue& queue, Index rows, Index cols, F f) {
  constexpr Index kThreads = 256, kBlocksOfAProcessor = 16;
  constexpr Index kNarrow = Index{1} << 31;  // leaves room for the last step
  const Index size = rows * cols;
  const Index enough = queue.processors() * kBlocksOfAProcessor;
  const Shape shape{.blocks = std::min((size + kThreads - 1) / kThreads, enough),
                    .threads = kThreads};
  if (size < kNarrow) {
    launch(queue, shape, each_kernel<unsigned, F>, static_cast<unsigned>(cols),
           static_cast<unsigned>(size), f);
  } else {
    launch(queue, shape, each_kernel<Index, F>, cols, size, f);
  }
}

}  // namespace chorale::cuda

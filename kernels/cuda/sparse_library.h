// A library's sparse product, which CudaKernels may use in place of its own. Its order of summation
// is the library's, so it is used when it is asked for and never chosen silently.
//
// Free of the library's headers: the kernels include this and are tested where there is no library.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/cuda/queue.h"
#include "kernels/view.h"

namespace chorale::cuda {

class SparseLibrary {
 public:
  virtual ~SparseLibrary() = default;

  // Whether it can multiply by this matrix: not if there are ghosts, which it would have to find
  // behind the own rows, nor if there are more entries than 32 bits count.
  virtual bool takes(const CsrView& a, Index cols) const = 0;
  virtual void multiply(const CsrView& a, ConstView x, bool add, View y) = 0;
  // This device memory is released: what was prepared for a matrix that stood there is void.
  virtual void forget(const void* memory, std::size_t bytes) = 0;
};

// In 32 bits, as libraries want numbers that they call indices.   from, to: device memory
void narrow(Queue& queue, std::span<const Index> from, std::int32_t* to);

}  // namespace chorale::cuda

// CUDA: relations.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::dot_pairs(const RowPairs&, ConstView, ConstView, View) const {}
void CudaKernels::segment_softmax(std::span<const Index>, ConstView, View) const {}

}  // namespace chorale

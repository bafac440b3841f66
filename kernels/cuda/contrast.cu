// CUDA: contrast.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::exp_sums(const Pairs&, ConstView, ConstView, Index, View) const {}
void CudaKernels::exp_sums_grad(const Pairs&, ConstView, ConstView, ConstView, Index, View, Index,
                                View) const {}
void CudaKernels::exp_self_sums(const Pairs&, ConstView, Index, View) const {}
void CudaKernels::exp_self_sums_grad(const Pairs&, ConstView, ConstView, Index, View) const {}
void CudaKernels::max_products(const Pairs&, ConstView, ConstView, Index, View) const {}

}  // namespace chorale

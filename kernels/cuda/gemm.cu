// CUDA: gemm.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::gemm(ConstView, ConstView, View) const {}
void CudaKernels::gemm_nt(ConstView, ConstView, View) const {}
void CudaKernels::gemm_tn(ConstView, ConstView, View) const {}
void CudaKernels::grouped_gemm(ConstView, Groups, ConstView, View) const {}
void CudaKernels::grouped_gemm_nt(ConstView, Groups, ConstView, View) const {}
void CudaKernels::grouped_gemm_tn(ConstView, Groups, ConstView, View) const {}

}  // namespace chorale

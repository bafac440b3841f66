// CUDA: sparse.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::spmm(const CsrView&, ConstView, ConstView, View) const {}
void CudaKernels::spmm_add(const CsrView&, ConstView, ConstView, View) const {}

}  // namespace chorale

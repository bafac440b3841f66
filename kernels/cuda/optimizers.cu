// CUDA: optimizers.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::sgd(const UpdateOptions&, ConstView, Rows, View) const {}
void CudaKernels::adagrad(const UpdateOptions&, ConstView, Rows, View, View) const {}
void CudaKernels::rowwise_adagrad(const UpdateOptions&, ConstView, Rows, View, View) const {}
void CudaKernels::adam(const UpdateOptions&, ConstView, View, View, View) const {}

}  // namespace chorale

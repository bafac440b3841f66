// CUDA: ranking.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::update_top_k(ConstView, ConstView, const Index*, const Masked&, TopK) const {}

}  // namespace chorale

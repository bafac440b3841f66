// CUDA: losses.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::bpr(ConstView, ConstView, ConstView, LaneOffsets, View, View) const {}
void CudaKernels::bpr_grad(ConstView, ConstView, ConstView, ConstView, ConstView, View, View,
                           View) const {}
void CudaKernels::half_squares(ConstView, LaneOffsets, View) const {}
void CudaKernels::lane_totals(ConstView, LaneOffsets, View) const {}
void CudaKernels::transr(ConstView, ConstView, ConstView, ConstView, LaneOffsets, View,
                         View) const {}
void CudaKernels::transr_grad(ConstView, ConstView, ConstView, ConstView, ConstView, ConstView,
                              View, View, View, View) const {}

}  // namespace chorale

// CUDA: rows.
#include <simt.h>
#include "kernels/cuda/cuda_kernels.h"

namespace chorale {

void CudaKernels::normalize_rows(ConstView, View, View) const {}
void CudaKernels::normalize_rows_grad(ConstView, ConstView, ConstView, View) const {}
void CudaKernels::gather_rows(ConstView, Rows, View) const {}
void CudaKernels::add_segments(ConstView, const Segments&, View) const {}
void CudaKernels::row_dots(ConstView, ConstView, View) const {}
void CudaKernels::add_scaled_rows(ConstView, ConstView, View) const {}
void CudaKernels::drop_rows(const DropoutMask&, const Index*, ConstView, View) const {}
void CudaKernels::drop_rows_add(const DropoutMask&, const Index*, ConstView, View) const {}
void CudaKernels::add_noise(const Noise&, const Index*, ConstView, View) const {}
void CudaKernels::scale_rows_by_norm(Real, ConstView, View) const {}

}  // namespace chorale

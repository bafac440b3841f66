// CUDA: elementwise kernels.
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/dropout.h"
#include "kernels/cuda/each.h"

namespace chorale {

using cuda::each;

namespace {

// How many matrices one launch sums.
constexpr int kSummands = 8;
struct Summands {
  ConstView x[kSummands];
  int n;
};

// b_j += sum_i x_ij: eight threads share a column, each takes every eighth row; then a tree.
__global__ void column_sums_kernel(ConstView x, View b) {
  constexpr int kSharers = 8, kColumns = 32;
  __shared__ double partial[kSharers][kColumns];
  const int column = static_cast<int>(threadIdx.x % kColumns);
  const int sharer = static_cast<int>(threadIdx.x / kColumns);
  const Index j = static_cast<Index>(blockIdx.x) * kColumns + column;
  double sum = 0;
  if (j < b.cols) {
    for (Index i = sharer; i < x.rows; i += kSharers) sum += static_cast<double>(x(i, j));
  }
  partial[sharer][column] = sum;
  for (int half = kSharers / 2; half > 0; half /= 2) {
    __syncthreads();
    if (sharer < half) partial[sharer][column] += partial[sharer + half][column];
  }
  if (sharer == 0 && j < b.cols) b(0, j) += static_cast<Real>(partial[0][column]);
}

}  // namespace

void CudaKernels::fill(Real value, View y) const {
  each(queue_, y.rows, y.cols, [=] __device__(Index i, Index j) { y(i, j) = value; });
}

void CudaKernels::copy(ConstView x, View y) const {
  each(queue_, y.rows, y.cols, [=] __device__(Index i, Index j) { y(i, j) = x(i, j); });
}

void CudaKernels::axpy(Real a, ConstView x, View y) const {
  each(queue_, y.rows, y.cols,
       [=] __device__(Index i, Index j) { y(i, j) = fmaf(a, x(i, j), y(i, j)); });
}

void CudaKernels::axpy_rows(Real a, ConstView x, Rows rows, View y) const {
  const LocalIndex* listed = rows.data();
  each(queue_, x.rows, y.cols, [=] __device__(Index i, Index j) {
    const Index r = listed[i];
    y(r, j) = fmaf(a, x(i, j), y(r, j));
  });
}

void CudaKernels::axpy_by(ConstView a, ConstView x, View y) const {
  each(queue_, y.rows, y.cols,
       [=] __device__(Index i, Index j) { y(i, j) = fmaf(a(0, 0), x(i, j), y(i, j)); });
}

void CudaKernels::scale(Real a, View y) const {
  each(queue_, y.rows, y.cols, [=] __device__(Index i, Index j) { y(i, j) *= a; });
}

void CudaKernels::multiply(ConstView x, ConstView z, View y) const {
  each(queue_, y.rows, y.cols, [=] __device__(Index i, Index j) { y(i, j) = x(i, j) * z(i, j); });
}

void CudaKernels::multiply_add(ConstView x, ConstView z, View y) const {
  each(queue_, y.rows, y.cols,
       [=] __device__(Index i, Index j) { y(i, j) = fmaf(x(i, j), z(i, j), y(i, j)); });
}

void CudaKernels::sum_of(Real a, std::span<const ConstView> xs, View y) const {
  std::size_t done = 0;
  do {
    Summands s{};
    s.n = static_cast<int>(std::min<std::size_t>(kSummands, xs.size() - done));
    for (int k = 0; k < s.n; ++k) s.x[k] = xs[done + static_cast<std::size_t>(k)];
    const bool is_first = done == 0;
    done += static_cast<std::size_t>(s.n);
    const bool is_last = done == xs.size();
    each(queue_, y.rows, y.cols, [=] __device__(Index i, Index j) {
      Real sum = is_first ? Real(0) : y(i, j);
      for (int k = 0; k < s.n; ++k) sum += s.x[k](i, j);
      y(i, j) = is_last ? a * sum : sum;
    });
  } while (done < xs.size());
}

void CudaKernels::map(Scalar f, Real parameter, ConstView x, View y) const {
  each(queue_, y.rows, y.cols,
       [=] __device__(Index i, Index j) { y(i, j) = apply(f, parameter, x(i, j)); });
}

void CudaKernels::map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const {
  each(queue_, dx.rows, dx.cols, [=] __device__(Index i, Index j) {
    dx(i, j) = fmaf(chorale::slope(f, parameter, x(i, j)), dy(i, j), dx(i, j));
  });
}

void CudaKernels::dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
                          View y) const {
  each(queue_, y.rows, (y.cols + 3) / 4, [=] __device__(Index i, Index j) {
    cuda::for_each_kept(mask, global_row[i], j, y.cols,
                        [&](Index c, Real factor) { y(i, c) = x(i, c) * factor; });
  });
}

void CudaKernels::dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                              View y) const {
  each(queue_, y.rows, (y.cols + 3) / 4, [=] __device__(Index i, Index j) {
    cuda::for_each_kept(mask, global_row[i], j, y.cols,
                        [&](Index c, Real factor) { y(i, c) += x(i, c) * factor; });
  });
}

void CudaKernels::add_row(ConstView b, View y) const {
  each(queue_, y.rows, y.cols, [=] __device__(Index i, Index j) { y(i, j) += b(0, j); });
}

void CudaKernels::column_sums(ConstView x, View b) const {
  cuda::launch(queue_, {.blocks = (b.cols + 31) / 32, .threads = 256}, column_sums_kernel, x, b);
}

}  // namespace chorale

// CUDA: matrices to bf16 and from it. Two columns a thread where pairs are aligned.
#include <simt.h>

#include "kernels/cuda/bf16_pair.h"
#include "kernels/cuda/cuda_kernels.h"
#include "kernels/cuda/each.h"

namespace chorale {
namespace {

bool has_pairs(ConstBf16View x) {
  return x.cols % 2 == 0 && x.stride % 2 == 0 && reinterpret_cast<std::uintptr_t>(x.data) % 4 == 0;
}

__device__ std::uint32_t* pair_at(const Bf16View& y, Index r, Index pair) {
  return reinterpret_cast<std::uint32_t*>(y.row(r)) + pair;
}
__device__ const std::uint32_t* pair_at(const ConstBf16View& x, Index r, Index pair) {
  return reinterpret_cast<const std::uint32_t*>(x.row(r)) + pair;
}

// visit(i, r, j) for the listed rows, r = rows[i], or all n, r = i, and `cols` columns of each.
template <class Visit>
void each_of(cuda::Queue& queue, const SomeRows& rows, Index n, Index cols, Visit visit) {
  if (!rows) {
    cuda::each(queue, n, cols, [=] __device__(Index i, Index j) { visit(i, i, j); });
    return;
  }
  const LocalIndex* listed = rows->data();
  cuda::each(queue, static_cast<Index>(rows->size()), cols,
             [=] __device__(Index i, Index j) { visit(i, static_cast<Index>(listed[i]), j); });
}

}  // namespace

void CudaKernels::to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const {
  const auto value = [=] __device__(Index i, Index j, float old) {
    return add ? fmaf(a, x(i, j), old) : a * x(i, j);
  };
  if (has_pairs(y)) {
    each_of(queue_, rows, y.rows, y.cols / 2, [=] __device__(Index i, Index r, Index pair) {
      std::uint32_t* to = pair_at(y, r, pair);
      const std::uint32_t old = add ? *to : 0;
      *to = cuda::pack_bf16(value(i, 2 * pair, cuda::low_bf16(old)),
                            value(i, 2 * pair + 1, cuda::high_bf16(old)));
    });
  } else {
    each_of(queue_, rows, y.rows, y.cols, [=] __device__(Index i, Index r, Index j) {
      Bf16& to = y.row(r)[j];
      to = cuda::round_to_bf16(value(i, j, add ? cuda::widen(to) : 0));
    });
  }
}

void CudaKernels::axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const {
  if (has_pairs(x)) {
    each_of(queue_, rows, y.rows, y.cols / 2, [=] __device__(Index i, Index r, Index pair) {
      const std::uint32_t both = *pair_at(x, r, pair);
      y(i, 2 * pair) = fmaf(a, cuda::low_bf16(both), y(i, 2 * pair));
      y(i, 2 * pair + 1) = fmaf(a, cuda::high_bf16(both), y(i, 2 * pair + 1));
    });
  } else {
    each_of(queue_, rows, y.rows, y.cols, [=] __device__(Index i, Index r, Index j) {
      y(i, j) = fmaf(a, cuda::widen(x.row(r)[j]), y(i, j));
    });
  }
}

void CudaKernels::gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const {
  const LocalIndex* listed = rows.data();
  if (has_pairs(x) && has_pairs(y)) {
    cuda::each(queue_, y.rows, y.cols / 2, [=] __device__(Index i, Index pair) {
      *pair_at(y, i, pair) = *pair_at(x, listed[i], pair);
    });
  } else {
    cuda::each(queue_, y.rows, y.cols,
               [=] __device__(Index i, Index j) { y.row(i)[j] = x.row(listed[i])[j]; });
  }
}

}  // namespace chorale

// Reference: sparse times dense. Each row is summed in CSR order, from zero.
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

Real row_sum(const CsrView& a, ConstView x, ConstView ghost, Index i, Index j) {
  Real sum = 0;
  for (Index e = a.row_begin[i]; e < a.row_begin[i + 1]; ++e) {
    const Index c = a.columns[e];
    sum += a.values[e] * (c < a.n_own ? x(c, j) : ghost(c - a.n_own, j));
  }
  return sum;
}

}  // namespace

void ReferenceKernels::spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; ++j) y(i, j) = row_sum(a, x, ghost, i, j);
  }
}

void ReferenceKernels::spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; ++j) y(i, j) += row_sum(a, x, ghost, i, j);
  }
}

}  // namespace chorale

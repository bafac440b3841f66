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

void ReferenceKernels::spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                                 View y) const {
  for (const Index r : rows) {
    for (Index j = 0; j < y.cols; ++j) y(r, j) = row_sum(a, x, ghost, r, j);
  }
}

void ReferenceKernels::spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks,
                                   ConstView x, ConstView ghost, View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; ++j) {
      Real sum = 0;
      for (Index e = a.row_begin[i]; e < a.row_begin[i + 1]; ++e) {
        const Index c = a.columns[e], g = c - a.n_own;
        if (g < 0 && marks(c, 0) != 0) sum += a.values[e] * x(c, j);
        if (g >= 0 && ghost_marks(g, 0) != 0) sum += a.values[e] * ghost(g, j);
      }
      y(i, j) = sum;
    }
  }
}

}  // namespace chorale

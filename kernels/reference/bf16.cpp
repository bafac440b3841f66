// Reference: operands in bf16. Sums are taken from zero in CSR order.
#include "kernels/bf16.h"

#include <algorithm>
#include <cmath>

#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

// visit(i, r) for the rows that are listed, r = rows[i]; or all n, r = i.
template <class Visit>
void each_row(const SomeRows& rows, Index n, Visit visit) {
  const Index count = rows ? static_cast<Index>(rows->size()) : n;
  for (Index i = 0; i < count; ++i) visit(i, rows ? (*rows)[static_cast<std::size_t>(i)] : i);
}

Real row_sum(const CsrView& a, const Bf16Product& p, Index i, Index j) {
  const bool is_marked = p.marks.data != nullptr;
  Real sum = 0;
  for (Index e = a.row_begin[i]; e < a.row_begin[i + 1]; ++e) {
    const Index c = a.columns[e], g = c - a.n_own;
    if (is_marked && (g < 0 ? p.marks(c, 0) : p.ghost_marks(g, 0)) == 0) continue;
    sum += a.values[e] * widen(g < 0 ? p.x.row(c)[j] : p.ghost.row(g)[j]);
  }
  return sum;
}

}  // namespace

void ReferenceKernels::to_bf16(Real a, ConstView x, const SomeRows& rows, bool add,
                               Bf16View y) const {
  each_row(rows, y.rows, [&](Index i, Index r) {
    for (Index j = 0; j < y.cols; ++j) {
      Bf16& to = y.row(r)[j];
      to = round_to_bf16(add ? std::fma(a, x(i, j), widen(to)) : a * x(i, j));
    }
  });
}

void ReferenceKernels::axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const {
  each_row(rows, y.rows, [&](Index i, Index r) {
    for (Index j = 0; j < y.cols; ++j) y(i, j) += a * widen(x.row(r)[j]);
  });
}

void ReferenceKernels::gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const {
  for (Index i = 0; i < y.rows; ++i) {
    std::copy_n(x.row(rows[static_cast<std::size_t>(i)]), y.cols, y.row(i));
  }
}

void ReferenceKernels::spmm_bf16(const CsrView& a, const Bf16Product& p) const {
  each_row(p.rows, a.rows, [&](Index i, Index r) {
    for (Index j = 0; j < p.x.cols; ++j) {
      const Real sum = row_sum(a, p, r, j);
      if (p.rounded.data != nullptr) {
        p.rounded.row(r)[j] = round_to_bf16(sum);
      } else {
        p.y(i, j) = p.add ? p.y(i, j) + p.scale * sum : p.scale * sum;
      }
    }
  });
}

}  // namespace chorale

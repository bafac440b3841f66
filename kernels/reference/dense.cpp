// Reference: elementwise kernels and dense products.
#include <cmath>

#include "kernels/reference/dropout.h"
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

template <class F>
void each(View y, F f) {
  for (Index i = 0; i < y.rows; ++i) {
    for (Index j = 0; j < y.cols; ++j) f(i, j);
  }
}

}  // namespace

void ReferenceKernels::fill(Real value, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) = value; });
}

void ReferenceKernels::copy(ConstView x, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) = x(i, j); });
}

void ReferenceKernels::axpy(Real a, ConstView x, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) += a * x(i, j); });
}

void ReferenceKernels::axpy_rows(Real a, ConstView x, Rows rows, View y) const {
  for (Index i = 0; i < x.rows; ++i) {
    const Index r = rows[static_cast<std::size_t>(i)];
    for (Index j = 0; j < y.cols; ++j) y(r, j) += a * x(i, j);
  }
}

void ReferenceKernels::scale(Real a, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) *= a; });
}

void ReferenceKernels::multiply(ConstView x, ConstView z, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) = x(i, j) * z(i, j); });
}

void ReferenceKernels::multiply_add(ConstView x, ConstView z, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) += x(i, j) * z(i, j); });
}

void ReferenceKernels::sum_of(Real a, std::span<const ConstView> xs, View y) const {
  each(y, [&](Index i, Index j) {
    Real sum = 0;
    for (const ConstView& x : xs) sum += x(i, j);
    y(i, j) = a * sum;
  });
}

void ReferenceKernels::map(Scalar f, Real parameter, ConstView x, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) = apply(f, parameter, x(i, j)); });
}

void ReferenceKernels::map_slope(Scalar f, Real parameter, ConstView x, ConstView dy,
                                 View dx) const {
  each(dx, [&](Index i, Index j) { dx(i, j) += chorale::slope(f, parameter, x(i, j)) * dy(i, j); });
}

void ReferenceKernels::dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
                               View y) const {
  each(y, [&](Index i, Index j) { y(i, j) = x(i, j) * dropout_factor(mask, global_row[i], j); });
}

void ReferenceKernels::dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                                   View y) const {
  each(y, [&](Index i, Index j) { y(i, j) += x(i, j) * dropout_factor(mask, global_row[i], j); });
}

void ReferenceKernels::gemm(ConstView x, ConstView w, View y) const {
  each(y, [&](Index i, Index j) {
    Real sum = 0;
    for (Index k = 0; k < w.rows; ++k) sum += x(i, k) * w(k, j);
    y(i, j) = sum;
  });
}

void ReferenceKernels::gemm_nt(ConstView dy, ConstView w, View dx) const {
  each(dx, [&](Index i, Index k) {
    Real sum = 0;
    for (Index j = 0; j < w.cols; ++j) sum += dy(i, j) * w(k, j);
    dx(i, k) += sum;
  });
}

void ReferenceKernels::gemm_tn(ConstView x, ConstView dy, View dw) const {
  each(dw, [&](Index k, Index j) {
    Real sum = 0;
    for (Index i = 0; i < x.rows; ++i) sum += x(i, k) * dy(i, j);
    dw(k, j) += sum;
  });
}

void ReferenceKernels::add_row(ConstView b, View y) const {
  each(y, [&](Index i, Index j) { y(i, j) += b(0, j); });
}

void ReferenceKernels::column_sums(ConstView x, View b) const {
  for (Index j = 0; j < b.cols; ++j) {
    double sum = 0;
    for (Index i = 0; i < x.rows; ++i) sum += static_cast<double>(x(i, j));
    b(0, j) += static_cast<Real>(sum);
  }
}

void ReferenceKernels::axpy_by(ConstView a, ConstView x, View y) const { axpy(a(0, 0), x, y); }

}  // namespace chorale

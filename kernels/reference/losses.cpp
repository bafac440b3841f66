// Reference: losses. Sums of a lane are taken in double, in ascending row order.
#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

Real dot(const Real* x, const Real* y, Index n) {
  Real sum = 0;
  for (Index j = 0; j < n; ++j) sum += x[j] * y[j];
  return sum;
}

}  // namespace

void ReferenceKernels::bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
                           View value) const {
  for (Index l = 0; l < value.rows; ++l) {
    double sum = 0;
    for (Index i = lanes[l]; i < lanes[l + 1]; ++i) {
      const Real difference = dot(u.row(i), p.row(i), u.cols) - dot(u.row(i), n.row(i), u.cols);
      sum += static_cast<double>(softplus(-difference));
      slope(i, 0) = -sigmoid(-difference);
    }
    value(l, 0) = static_cast<Real>(sum);
  }
}

void ReferenceKernels::bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n,
                                View du, View dp, View dn) const {
  for (Index i = 0; i < u.rows; ++i) {
    const Real c = a(0, 0) * slope(i, 0);
    for (Index j = 0; j < u.cols; ++j) {
      du(i, j) += c * (p(i, j) - n(i, j));
      dp(i, j) += c * u(i, j);
      dn(i, j) -= c * u(i, j);
    }
  }
}

void ReferenceKernels::half_squares(ConstView x, LaneOffsets lanes, View value) const {
  for (Index l = 0; l < value.rows; ++l) {
    double sum = 0;
    for (Index i = lanes[l]; i < lanes[l + 1]; ++i) {
      for (Index j = 0; j < x.cols; ++j) {
        sum += static_cast<double>(x(i, j)) * static_cast<double>(x(i, j));
      }
    }
    value(l, 0) = static_cast<Real>(sum / 2);
  }
}

void ReferenceKernels::lane_totals(ConstView x, LaneOffsets lanes, View value) const {
  for (Index l = 0; l < value.rows; ++l) {
    double sum = 0;
    for (Index i = lanes[l]; i < lanes[l + 1]; ++i) {
      for (Index j = 0; j < x.cols; ++j) sum += static_cast<double>(x(i, j));
    }
    value(l, 0) = static_cast<Real>(sum);
  }
}

}  // namespace chorale

// Reference: kernels that treat a row as a whole.
#include <algorithm>
#include <cmath>

#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

constexpr double kSmallestNorm = 1e-12;

}  // namespace

void ReferenceKernels::normalize_rows(ConstView x, View y, View inverse) const {
  for (Index i = 0; i < x.rows; ++i) {
    double squares = 0;
    for (Index j = 0; j < x.cols; ++j) {
      squares += static_cast<double>(x(i, j)) * static_cast<double>(x(i, j));
    }
    inverse(i, 0) = static_cast<Real>(1 / std::max(std::sqrt(squares), kSmallestNorm));
    for (Index j = 0; j < x.cols; ++j) y(i, j) = inverse(i, 0) * x(i, j);
  }
}

void ReferenceKernels::normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy,
                                           View dx) const {
  for (Index i = 0; i < y.rows; ++i) {
    if (inverse(i, 0) >= static_cast<Real>(1 / kSmallestNorm)) continue;
    Real along = 0;
    for (Index j = 0; j < y.cols; ++j) along += y(i, j) * dy(i, j);
    for (Index j = 0; j < y.cols; ++j) dx(i, j) += inverse(i, 0) * (dy(i, j) - y(i, j) * along);
  }
}

void ReferenceKernels::gather_rows(ConstView x, Rows rows, View y) const {
  for (Index i = 0; i < y.rows; ++i) std::copy_n(x.row(rows[i]), y.cols, y.row(i));
}

void ReferenceKernels::add_segments(ConstView y, const Segments& segments, View x) const {
  for (std::size_t s = 0; s < segments.rows.size(); ++s) {
    for (Index j = 0; j < x.cols; ++j) {
      Real sum = 0;
      for (Index e = segments.begin[s]; e < segments.begin[s + 1]; ++e) {
        sum += y(segments.order[e], j);
      }
      x(segments.rows[s], j) += sum;
    }
  }
}

}  // namespace chorale

// Reference: groups of rows with a matrix each, and the kernels of knowledge graphs.
#include <algorithm>
#include <cmath>

#include "kernels/reference/reference_kernels.h"

namespace chorale {
namespace {

double squared_distance(const Real* h, const Real* r, const Real* t, Index d) {
  double sum = 0;
  for (Index j = 0; j < d; ++j) {
    const auto difference = static_cast<double>(h[j] + r[j] - t[j]);
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

void ReferenceKernels::grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const {
  for (Index g = 0; g < w.rows; ++g) {
    const auto at = static_cast<std::size_t>(g);
    ReferenceKernels::gemm(x.row_block(begin[at], begin[at + 1]), {w.row(g), x.cols, y.cols},
                           y.row_block(begin[at], begin[at + 1]));
  }
}

void ReferenceKernels::grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const {
  for (Index g = 0; g < w.rows; ++g) {
    const auto at = static_cast<std::size_t>(g);
    ReferenceKernels::gemm_nt(dy.row_block(begin[at], begin[at + 1]), {w.row(g), dx.cols, dy.cols},
                              dx.row_block(begin[at], begin[at + 1]));
  }
}

void ReferenceKernels::grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const {
  for (Index g = 0; g < dw.rows; ++g) {
    const auto at = static_cast<std::size_t>(g);
    ReferenceKernels::gemm_tn(x.row_block(begin[at], begin[at + 1]),
                              dy.row_block(begin[at], begin[at + 1]), {dw.row(g), x.cols, dy.cols});
  }
}

void ReferenceKernels::dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const {
  for (std::size_t e = 0; e < pairs.place.size(); ++e) {
    Real sum = 0;
    for (Index j = 0; j < x.cols; ++j) sum += x(pairs.first[e], j) * z(pairs.second[e], j);
    y(pairs.place[e], 0) = sum;
  }
}

void ReferenceKernels::segment_softmax(std::span<const Index> row_begin, ConstView x,
                                       View y) const {
  for (std::size_t i = 0; i + 1 < row_begin.size(); ++i) {
    const Index begin = row_begin[i], end = row_begin[i + 1];
    if (begin == end) continue;
    Real largest = x(begin, 0);
    for (Index e = begin; e < end; ++e) largest = std::max(largest, x(e, 0));
    double sum = 0;
    for (Index e = begin; e < end; ++e) {
      y(e, 0) = std::exp(x(e, 0) - largest);
      sum += static_cast<double>(y(e, 0));
    }
    for (Index e = begin; e < end; ++e) {
      y(e, 0) = static_cast<Real>(static_cast<double>(y(e, 0)) / sum);
    }
  }
}

void ReferenceKernels::transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes,
                              View slope, View value) const {
  for (Index l = 0; l < value.rows; ++l) {
    double sum = 0;
    for (Index i = lanes[l]; i < lanes[l + 1]; ++i) {
      const auto difference =
          static_cast<Real>(squared_distance(h.row(i), r.row(i), t.row(i), h.cols) -
                            squared_distance(h.row(i), r.row(i), n.row(i), h.cols));
      sum += static_cast<double>(softplus(difference));
      slope(i, 0) = sigmoid(difference);
    }
    value(l, 0) = static_cast<Real>(sum);
  }
}

void ReferenceKernels::transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r,
                                   ConstView t, ConstView n, View dh, View dr, View dt,
                                   View dn) const {
  for (Index i = 0; i < h.rows; ++i) {
    const Real c = 2 * a(0, 0) * slope(i, 0);
    for (Index j = 0; j < h.cols; ++j) {
      const Real from = h(i, j) + r(i, j);
      dh(i, j) += c * (n(i, j) - t(i, j));
      dr(i, j) += c * (n(i, j) - t(i, j));
      dt(i, j) -= c * (from - t(i, j));
      dn(i, j) += c * (from - n(i, j));
    }
  }
}

}  // namespace chorale

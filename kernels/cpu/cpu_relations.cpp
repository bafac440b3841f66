// The kernels of relations on threads: rows and groups are dealt by rows, weight gradients by
// elements of the result.
#include <algorithm>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/simd.h"
#include "kernels/scalar.h"

namespace chorale {
namespace {

// f(g, first, last) for the groups that reach into rows [first, last), and the rows of each there.
template <class F>
void each_group(Groups begin, Index first, Index last, F f) {
  const auto after = std::upper_bound(begin.begin(), begin.end(), first);
  for (auto g = after - begin.begin() - 1; first < last; ++g) {
    const Index end = std::min(begin[static_cast<std::size_t>(g) + 1], last);
    if (first < end) f(g, first, end);
    first = end;
  }
}

}  // namespace

void CpuKernels::grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const {
  rows(y.rows, x.cols * y.cols, [&](Index f, Index l) {
    each_group(begin, f, l, [&](Index g, Index first, Index last) {
      simd::gemm(x.row_block(first, last), {w.row(g), x.cols, y.cols}, y.row_block(first, last));
    });
  });
}

void CpuKernels::grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const {
  rows(dx.rows, dx.cols * dy.cols, [&](Index f, Index l) {
    each_group(begin, f, l, [&](Index g, Index first, Index last) {
      simd::gemm_nt(dy.row_block(first, last), {w.row(g), dx.cols, dy.cols},
                    dx.row_block(first, last));
    });
  });
}

void CpuKernels::grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const {
  // The rows of all weight matrices, of all groups, one below the other.
  const Index k = x.cols;
  const Index of_a_group = x.rows / std::max<Index>(dw.rows, 1);
  rows(dw.rows * k, dy.cols * (of_a_group + 1), [&](Index f, Index l) {
    for (Index g = f / k; g * k < l; ++g) {
      const Index first = std::max(f - g * k, Index{0}), last = std::min(l - g * k, k);
      const Index from = begin[static_cast<std::size_t>(g)];
      const Index to = begin[static_cast<std::size_t>(g) + 1];
      if (from == to) continue;
      const View whole(dw.row(g), k, dy.cols);
      simd::gemm_tn(x.row_block(from, to).col_block(first, last), dy.row_block(from, to),
                    whole.row_block(first, last));
    }
  });
}

void CpuKernels::dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const {
  rows(static_cast<Index>(pairs.place.size()), x.cols,
       [&](Index f, Index l) { simd::dot_pairs(pairs, x, z, y, f, l); });
}

void CpuKernels::segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const {
  const auto n = static_cast<Index>(row_begin.size()) - 1;
  rows(n, kExponential * (x.rows / std::max<Index>(n, 1) + 1), [&](Index f, Index l) {
    ReferenceKernels::segment_softmax(
        row_begin.subspan(static_cast<std::size_t>(f), static_cast<std::size_t>(l - f) + 1), x, y);
  });
}

void CpuKernels::transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes,
                        View slope, View value) const {
  rows(h.rows, h.cols, [&](Index f, Index l) {
    simd::transr_differences(h.row_block(f, l), r.row_block(f, l), t.row_block(f, l),
                             n.row_block(f, l), slope.row_block(f, l));
  });
  const Index rows_of_a_lane = h.rows / std::max<Index>(value.rows, 1);
  rows(value.rows, kExponential * rows_of_a_lane, [&](Index first, Index last) {
    for (Index lane = first; lane < last; ++lane) {
      double sum = 0;
      for (Index i = lanes[lane]; i < lanes[lane + 1]; ++i) {
        const Real difference = slope(i, 0);
        sum += static_cast<double>(softplus(difference));
        slope(i, 0) = sigmoid(difference);
      }
      value(lane, 0) = static_cast<Real>(sum);
    }
  });
}

void CpuKernels::transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t,
                             ConstView n, View dh, View dr, View dt, View dn) const {
  rows(h.rows, h.cols, [&](Index f, Index l) {
    simd::transr_grad(a, slope.row_block(f, l), h.row_block(f, l), r.row_block(f, l),
                      t.row_block(f, l), n.row_block(f, l), dh.row_block(f, l), dr.row_block(f, l),
                      dt.row_block(f, l), dn.row_block(f, l));
  });
}

}  // namespace chorale

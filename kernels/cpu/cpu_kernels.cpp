#include "kernels/cpu/cpu_kernels.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/simd.h"

namespace chorale {

// --- dense, elementwise ---

void CpuKernels::fill(Real value, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) { simd::fill(value, y.row_block(f, l)); });
}

void CpuKernels::copy(ConstView x, View y) const {
  const bool whole = x.is_contiguous() && y.is_contiguous();
  rows(y.rows, y.cols, [&](Index f, Index l) {
    if (whole) {
      std::copy_n(x.row(f), (l - f) * y.cols, y.row(f));
    } else {
      for (Index i = f; i < l; ++i) std::copy_n(x.row(i), y.cols, y.row(i));
    }
  });
}

void CpuKernels::axpy(Real a, ConstView x, View y) const {
  rows(y.rows, y.cols,
       [&](Index f, Index l) { simd::axpy(a, x.row_block(f, l), y.row_block(f, l)); });
}

void CpuKernels::axpy_rows(Real a, ConstView x, Rows rows, View y) const {
  this->rows(x.rows, y.cols, [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      const Index r = rows[static_cast<std::size_t>(i)];
      simd::axpy(a, x.row_block(i, i + 1), y.row_block(r, r + 1));
    }
  });
}

void CpuKernels::scale(Real a, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) { simd::scale(a, y.row_block(f, l)); });
}

void CpuKernels::multiply(ConstView x, ConstView z, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::multiply(x.row_block(f, l), z.row_block(f, l), y.row_block(f, l), false);
  });
}

void CpuKernels::multiply_add(ConstView x, ConstView z, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::multiply(x.row_block(f, l), z.row_block(f, l), y.row_block(f, l), true);
  });
}

void CpuKernels::sum_of(Real a, std::span<const ConstView> xs, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) { simd::sum_of(a, xs, y.row_block(f, l), f); });
}

void CpuKernels::map(Scalar f, Real parameter, ConstView x, View y) const {
  rows(y.rows, y.cols, [&](Index first, Index last) {
    const ConstView from = x.row_block(first, last);
    const View to = y.row_block(first, last);
    if (f == Scalar::leaky_relu) return simd::leaky_relu(parameter, from, to);
    ReferenceKernels::map(f, parameter, from, to);
  });
}

void CpuKernels::map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const {
  rows(dx.rows, dx.cols, [&](Index first, Index last) {
    const ConstView at = x.row_block(first, last), upstream = dy.row_block(first, last);
    const View to = dx.row_block(first, last);
    if (f == Scalar::leaky_relu) return simd::leaky_relu_slope(parameter, at, upstream, to);
    ReferenceKernels::map_slope(f, parameter, at, upstream, to);
  });
}

void CpuKernels::dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
                         View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::dropout(mask, global_row + f, x.row_block(f, l), y.row_block(f, l), false);
  });
}

void CpuKernels::dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                             View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::dropout(mask, global_row + f, x.row_block(f, l), y.row_block(f, l), true);
  });
}

void CpuKernels::axpy_by(ConstView a, ConstView x, View y) const { axpy(a(0, 0), x, y); }

// --- dense, matrices ---

void CpuKernels::gemm(ConstView x, ConstView w, View y) const {
  rows(y.rows, y.cols,
       [&](Index f, Index l) { simd::gemm(x.row_block(f, l), w, y.row_block(f, l)); });
}

void CpuKernels::gemm_nt(ConstView dy, ConstView w, View dx) const {
  rows(dx.rows, dx.cols,
       [&](Index f, Index l) { simd::gemm_nt(dy.row_block(f, l), w, dx.row_block(f, l)); });
}

void CpuKernels::gemm_tn(ConstView x, ConstView dy, View dw) const {
  // By elements of the result: every thread reads all of dy and its columns of x.
  rows(dw.rows, std::max(dw.cols, x.rows),
       [&](Index f, Index l) { simd::gemm_tn(x.col_block(f, l), dy, dw.row_block(f, l)); });
}

void CpuKernels::add_row(ConstView b, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) { simd::add_row(b, y.row_block(f, l)); });
}

void CpuKernels::column_sums(ConstView x, View b) const { simd::column_sums(x, b); }

// --- rows ---

void CpuKernels::normalize_rows(ConstView x, View y, View inverse) const {
  rows(x.rows, x.cols, [&](Index f, Index l) {
    simd::normalize_rows(x.row_block(f, l), y.row_block(f, l), inverse.row_block(f, l));
  });
}

void CpuKernels::normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::normalize_rows_grad(y.row_block(f, l), inverse.row_block(f, l), dy.row_block(f, l),
                              dx.row_block(f, l));
  });
}

void CpuKernels::gather_rows(ConstView x, Rows ids, View y) const {
  const std::size_t bytes = static_cast<std::size_t>(y.cols) * sizeof(Real);
  if (bytes == 0) return;
  rows(y.rows, y.cols, [&](Index f, Index l) {
    for (Index i = f; i < l; ++i) {
      std::memcpy(y.row(i), x.row(ids[static_cast<std::size_t>(i)]), bytes);
    }
  });
}

void CpuKernels::add_segments(ConstView y, const Segments& segments, View x) const {
  rows(static_cast<Index>(segments.rows.size()), x.cols,
       [&](Index f, Index l) { simd::add_segments(y, segments, x, f, l); });
}

void CpuKernels::row_dots(ConstView x, ConstView y, View out) const {
  rows(x.rows, x.cols, [&](Index f, Index l) {
    simd::row_dots(x.row_block(f, l), y.row_block(f, l), out.row_block(f, l));
  });
}

void CpuKernels::add_scaled_rows(ConstView c, ConstView x, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::add_scaled_rows(c.row_block(f, l), x.row_block(f, l), y.row_block(f, l));
  });
}

void CpuKernels::drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                           View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::drop_rows(mask, global_row + f, x.row_block(f, l), y.row_block(f, l), false);
  });
}

void CpuKernels::drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                               View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::drop_rows(mask, global_row + f, x.row_block(f, l), y.row_block(f, l), true);
  });
}

void CpuKernels::add_noise(const Noise& noise, const Index* global_row, ConstView x, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    simd::add_noise(noise, global_row + f, x.row_block(f, l), y.row_block(f, l));
  });
}

void CpuKernels::scale_rows_by_norm(Real exponent, ConstView x, View y) const {
  rows(y.rows, y.cols, [&](Index f, Index l) {
    ReferenceKernels::scale_rows_by_norm(exponent, x.row_block(f, l), y.row_block(f, l));
  });
}

// --- sparse ---

template <class Body>
void CpuKernels::sparse_rows(const CsrView& a, Index cols, Body body) const {
  if (a.rows == 0) return;
  const Index entries = a.row_begin[a.rows] - a.row_begin[0];
  const Index grain = std::max<Index>(1, kWorthAThread / std::max<Index>(cols, 1));
  const int parts = pool_->parts_for(entries + a.rows, grain);
  // Thread p begins at the row that holds its share of entries; a row counts as one entry more.
  const auto boundary = [&](int p) {
    const Index wanted = (entries + a.rows) * p / parts;
    Index low = 0, high = a.rows;
    while (low < high) {
      const Index middle = (low + high) / 2;
      const Index before = a.row_begin[middle] - a.row_begin[0] + middle;
      before < wanted ? low = middle + 1 : high = middle;
    }
    return p == parts ? a.rows : low;
  };
  pool_->parallel_parts(parts, [&](int p) { body(boundary(p), boundary(p + 1)); });
}

void CpuKernels::spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  sparse_rows(a, y.cols, [&](Index f, Index l) { simd::spmm(a, x, ghost, y, false, f, l); });
}

void CpuKernels::spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  sparse_rows(a, y.cols, [&](Index f, Index l) { simd::spmm(a, x, ghost, y, true, f, l); });
}

void CpuKernels::spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                           View y) const {
  const Index entries_of_a_row = a.entries / std::max<Index>(a.rows, 1) + 1;
  this->rows(static_cast<Index>(rows.size()), y.cols * entries_of_a_row, [&](Index f, Index l) {
    const auto first = static_cast<std::size_t>(f), count = static_cast<std::size_t>(l - f);
    simd::spmm_rows(a, rows.subspan(first, count), x, ghost, y);
  });
}

void CpuKernels::spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                             ConstView ghost, View y) const {
  sparse_rows(a, y.cols, [&](Index f, Index l) {
    simd::spmm_marked(a, marks, ghost_marks, x, ghost, y, f, l);
  });
}

void CpuKernels::spmm_bf16(const CsrView& a, const Bf16Product& p) const {
  const auto product = [&](Index f, Index l) { simd::spmm_bf16(a, p, f, l); };
  if (!p.rows) return sparse_rows(a, p.x.cols, product);
  const Index entries_of_a_row = a.entries / std::max<Index>(a.rows, 1) + 1;
  rows(static_cast<Index>(p.rows->size()), p.x.cols * entries_of_a_row, product);
}

// --- bf16 ---

void CpuKernels::to_bf16(Real a, ConstView x, const SomeRows& some, bool add, Bf16View y) const {
  rows(some ? static_cast<Index>(some->size()) : y.rows, y.cols,
       [&](Index f, Index l) { simd::to_bf16(a, x, some, add, y, f, l); });
}

void CpuKernels::axpy_bf16(Real a, ConstBf16View x, const SomeRows& some, View y) const {
  rows(some ? static_cast<Index>(some->size()) : y.rows, y.cols,
       [&](Index f, Index l) { simd::axpy_bf16(a, x, some, y, f, l); });
}

void CpuKernels::gather_bf16(ConstBf16View x, Rows ids, Bf16View y) const {
  const std::size_t bytes = static_cast<std::size_t>(y.cols) * sizeof(Bf16);
  if (bytes == 0) return;
  rows(y.rows, y.cols, [&](Index f, Index l) {
    for (Index i = f; i < l; ++i) {
      std::memcpy(y.row(i), x.row(ids[static_cast<std::size_t>(i)]), bytes);
    }
  });
}

// --- losses ---

void CpuKernels::bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
                     View value) const {
  rows(u.rows, u.cols, [&](Index f, Index l) {
    simd::bpr_differences(u.row_block(f, l), p.row_block(f, l), n.row_block(f, l),
                          slope.row_block(f, l));
  });
  const Index rows_of_a_lane = u.rows / std::max<Index>(value.rows, 1);
  rows(value.rows, kExponential * rows_of_a_lane, [&](Index first, Index last) {
    for (Index lane = first; lane < last; ++lane) {
      double sum = 0;
      for (Index i = lanes[lane]; i < lanes[lane + 1]; ++i) {
        const Real difference = slope(i, 0);
        sum += static_cast<double>(softplus(-difference));
        slope(i, 0) = -sigmoid(-difference);
      }
      value(lane, 0) = static_cast<Real>(sum);
    }
  });
}

void CpuKernels::bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n,
                          View du, View dp, View dn) const {
  rows(u.rows, u.cols, [&](Index f, Index l) {
    simd::bpr_grad(a, slope.row_block(f, l), u.row_block(f, l), p.row_block(f, l),
                   n.row_block(f, l), du.row_block(f, l), dp.row_block(f, l), dn.row_block(f, l));
  });
}

void CpuKernels::half_squares(ConstView x, LaneOffsets lanes, View value) const {
  rows(value.rows, x.size() / std::max<Index>(value.rows, 1), [&](Index first, Index last) {
    for (Index lane = first; lane < last; ++lane) {
      const double sum = simd::sum_of_squares(x.row_block(lanes[lane], lanes[lane + 1]));
      value(lane, 0) = static_cast<Real>(sum / 2);
    }
  });
}

void CpuKernels::lane_totals(ConstView x, LaneOffsets lanes, View value) const {
  rows(value.rows, x.size() / std::max<Index>(value.rows, 1), [&](Index first, Index last) {
    for (Index lane = first; lane < last; ++lane) {
      const ConstView of_lane = x.row_block(lanes[lane], lanes[lane + 1]);
      value(lane, 0) = static_cast<Real>(simd::sum_of_elements(of_lane));
    }
  });
}

// --- optimizers ---

void CpuKernels::sgd(const UpdateOptions& o, ConstView g, Rows ids, View w) const {
  rows(g.rows, g.cols, [&](Index f, Index l) { simd::sgd(o, g, ids, w, f, l); });
}

void CpuKernels::adagrad(const UpdateOptions& o, ConstView g, Rows ids, View w, View s) const {
  rows(g.rows, g.cols, [&](Index f, Index l) { simd::adagrad(o, g, ids, w, s, f, l); });
}

void CpuKernels::rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows ids, View w,
                                 View s) const {
  rows(g.rows, g.cols, [&](Index f, Index l) { simd::rowwise_adagrad(o, g, ids, w, s, f, l); });
}

void CpuKernels::adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const {
  rows(g.rows, g.cols, [&](Index f, Index l) {
    simd::adam(o, g.row_block(f, l), w.row_block(f, l), m.row_block(f, l), v.row_block(f, l));
  });
}

// --- ranking ---

void CpuKernels::update_top_k(ConstView users, ConstView items, const Index* item_ids,
                              const Masked& masked, TopK best) const {
  rows(users.rows, items.size(), [&](Index f, Index l) {
    const ConstView mine = users.row_block(f, l);
    const Masked mask{masked.begin + f, masked.items};
    const TopK list{l - f, best.k, best.scores + f * best.k, best.ids + f * best.k};
    if (!simd::update_top_k(mine, items, item_ids, mask, list)) {
      ReferenceKernels::update_top_k(mine, items, item_ids, mask, list);
    }
  });
}

}  // namespace chorale

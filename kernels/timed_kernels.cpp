#include "kernels/timed_kernels.h"

#include <algorithm>
#include <chrono>

namespace chorale {
namespace {

template <class... Views>
Index size(const Views&... views) {
  return (views.size() + ...);
}

// Rows read and written in a sum over segments, in elements.
Index touched(const Segments& s, Index cols) {
  return (s.entries + 2 * static_cast<Index>(s.rows.size())) * cols;
}

// The gathered rows, the entries and the written rows of a sparse product, in elements.
Index touched(const CsrView& a, Index cols) { return a.entries * (cols + 2) + a.rows * cols; }

// So many numbers in bf16, in elements.
Index halves(Index n) {
  return n * static_cast<Index>(sizeof(Bf16)) / static_cast<Index>(sizeof(Real));
}

Index rows_of(const SomeRows& rows, Index all) {
  return rows ? static_cast<Index>(rows->size()) : all;
}

}  // namespace

template <class Call>
void TimedKernels::timed(std::string_view name, Index elements, Call call) const {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  call();
  KernelTime& t = times_[name];
  t.name = name;
  ++t.calls;
  t.seconds += std::chrono::duration<double>(Clock::now() - start).count();
  t.bytes += static_cast<double>(elements) * sizeof(Real);
}

std::vector<KernelTime> TimedKernels::times() const {
  std::vector<KernelTime> list;
  for (const auto& [name, time] : times_) list.push_back(time);
  std::stable_sort(list.begin(), list.end(),
                   [](const KernelTime& a, const KernelTime& b) { return a.seconds > b.seconds; });
  return list;
}

void TimedKernels::fill(Real value, View y) const {
  timed("fill", size(y), [&] { inner_.fill(value, y); });
}

void TimedKernels::copy(ConstView x, View y) const {
  timed("copy", size(x, y), [&] { inner_.copy(x, y); });
}

void TimedKernels::axpy(Real a, ConstView x, View y) const {
  timed("axpy", size(x, y, y), [&] { inner_.axpy(a, x, y); });
}

void TimedKernels::axpy_rows(Real a, ConstView x, Rows rows, View y) const {
  timed("axpy_rows", size(x, x, x), [&] { inner_.axpy_rows(a, x, rows, y); });
}

void TimedKernels::scale(Real a, View y) const {
  timed("scale", size(y, y), [&] { inner_.scale(a, y); });
}

void TimedKernels::multiply(ConstView x, ConstView z, View y) const {
  timed("multiply", size(x, z, y), [&] { inner_.multiply(x, z, y); });
}

void TimedKernels::multiply_add(ConstView x, ConstView z, View y) const {
  timed("multiply_add", size(x, z, y, y), [&] { inner_.multiply_add(x, z, y); });
}

void TimedKernels::sum_of(Real a, std::span<const ConstView> xs, View y) const {
  timed("sum_of", y.size() * static_cast<Index>(xs.size() + 1), [&] { inner_.sum_of(a, xs, y); });
}

void TimedKernels::map(Scalar f, Real parameter, ConstView x, View y) const {
  timed("map", size(x, y), [&] { inner_.map(f, parameter, x, y); });
}

void TimedKernels::map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const {
  timed("map_slope", size(x, dy, dx, dx), [&] { inner_.map_slope(f, parameter, x, dy, dx); });
}

void TimedKernels::dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
                           View y) const {
  timed("dropout", size(x, y), [&] { inner_.dropout(mask, global_row, x, y); });
}

void TimedKernels::dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                               View y) const {
  timed("dropout_add", size(x, y, y), [&] { inner_.dropout_add(mask, global_row, x, y); });
}

void TimedKernels::gemm(ConstView x, ConstView w, View y) const {
  timed("gemm", size(x, w, y), [&] { inner_.gemm(x, w, y); });
}

void TimedKernels::gemm_nt(ConstView dy, ConstView w, View dx) const {
  timed("gemm_nt", size(dy, w, dx, dx), [&] { inner_.gemm_nt(dy, w, dx); });
}

void TimedKernels::gemm_tn(ConstView x, ConstView dy, View dw) const {
  timed("gemm_tn", size(x, dy, dw, dw), [&] { inner_.gemm_tn(x, dy, dw); });
}

void TimedKernels::add_row(ConstView b, View y) const {
  timed("add_row", size(b, y, y), [&] { inner_.add_row(b, y); });
}

void TimedKernels::column_sums(ConstView x, View b) const {
  timed("column_sums", size(x, b, b), [&] { inner_.column_sums(x, b); });
}

void TimedKernels::bi_interaction(const BiInteraction& layer, ConstView e, ConstView n,
                                  std::uint8_t* bits, View y) const {
  timed("bi_interaction", size(e, n, layer.w_sum, layer.w_product, y) + y.size() / 4,
        [&] { inner_.bi_interaction(layer, e, n, bits, y); });
}

void TimedKernels::bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                                       const std::uint8_t* bits, ConstView dy, LaneOffsets lanes,
                                       bool add, View de, View dn,
                                       const BiInteractionWeights& dw) const {
  timed("bi_interaction_grad",
        size(e, n, dy, de, dn, dw.w_sum, dw.w_product) + (add ? de.size() : 0) + dy.size() / 4,
        [&] { inner_.bi_interaction_grad(layer, e, n, bits, dy, lanes, add, de, dn, dw); });
}

void TimedKernels::gather_names(std::span<const Index> names, Rows rows, Index* to) const {
  timed("gather_names", 5 * static_cast<Index>(rows.size()),
        [&] { inner_.gather_names(names, rows, to); });
}

void TimedKernels::normalize_rows(ConstView x, View y, View inverse) const {
  timed("normalize_rows", size(x, y, inverse), [&] { inner_.normalize_rows(x, y, inverse); });
}

void TimedKernels::normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy,
                                       View dx) const {
  timed("normalize_rows_grad", size(y, inverse, dy, dx, dx),
        [&] { inner_.normalize_rows_grad(y, inverse, dy, dx); });
}

void TimedKernels::gather_rows(ConstView x, Rows rows, View y) const {
  timed("gather_rows", size(y, y), [&] { inner_.gather_rows(x, rows, y); });
}

void TimedKernels::scatter_rows(ConstView x, Rows rows, View y) const {
  timed("scatter_rows", size(x, x), [&] { inner_.scatter_rows(x, rows, y); });
}

void TimedKernels::add_segments(ConstView y, const Segments& segments, View x) const {
  timed("add_segments", touched(segments, x.cols), [&] { inner_.add_segments(y, segments, x); });
}

void TimedKernels::row_dots(ConstView x, ConstView y, View out) const {
  timed("row_dots", size(x, y, out), [&] { inner_.row_dots(x, y, out); });
}

void TimedKernels::add_scaled_rows(ConstView c, ConstView x, View y) const {
  timed("add_scaled_rows", size(c, x, y, y), [&] { inner_.add_scaled_rows(c, x, y); });
}

void TimedKernels::drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                             View y) const {
  timed("drop_rows", size(x, y), [&] { inner_.drop_rows(mask, global_row, x, y); });
}

void TimedKernels::drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                                 View y) const {
  timed("drop_rows_add", size(x, y, y), [&] { inner_.drop_rows_add(mask, global_row, x, y); });
}

void TimedKernels::add_noise(const Noise& noise, const Index* global_row, ConstView x,
                             View y) const {
  timed("add_noise", size(x, y), [&] { inner_.add_noise(noise, global_row, x, y); });
}

void TimedKernels::scale_rows_by_norm(Real exponent, ConstView x, View y) const {
  timed("scale_rows_by_norm", size(x, y), [&] { inner_.scale_rows_by_norm(exponent, x, y); });
}

void TimedKernels::spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  timed("spmm", touched(a, y.cols), [&] { inner_.spmm(a, x, ghost, y); });
}

void TimedKernels::spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  timed("spmm_add", touched(a, y.cols) + y.size(), [&] { inner_.spmm_add(a, x, ghost, y); });
}

void TimedKernels::spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                             View y) const {
  const Index share = a.rows / std::max<Index>(static_cast<Index>(rows.size()), 1);
  timed("spmm_rows", touched(a, y.cols) / std::max<Index>(share, 1),
        [&] { inner_.spmm_rows(a, rows, x, ghost, y); });
}

void TimedKernels::spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks,
                               ConstView x, ConstView ghost, View y) const {
  timed("spmm_marked", touched(a, y.cols) + size(marks, ghost_marks),
        [&] { inner_.spmm_marked(a, marks, ghost_marks, x, ghost, y); });
}

void TimedKernels::to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const {
  const Index elements = rows_of(rows, y.rows) * y.cols;
  timed("to_bf16", elements + halves(add ? 2 * elements : elements),
        [&] { inner_.to_bf16(a, x, rows, add, y); });
}

void TimedKernels::axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const {
  const Index elements = rows_of(rows, y.rows) * y.cols;
  timed("axpy_bf16", 2 * elements + halves(elements), [&] { inner_.axpy_bf16(a, x, rows, y); });
}

void TimedKernels::gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const {
  timed("gather_bf16", halves(2 * y.size()), [&] { inner_.gather_bf16(x, rows, y); });
}

void TimedKernels::spmm_bf16(const CsrView& a, const Bf16Product& p) const {
  const Index rows = rows_of(p.rows, a.rows), d = p.x.cols;
  const Index entries = p.rows ? a.entries * rows / std::max<Index>(a.rows, 1) : a.entries;
  const Index written = p.rounded.data != nullptr ? halves(rows * d) : (p.add ? 2 : 1) * rows * d;
  timed("spmm_bf16", 2 * entries + halves(entries * d) + written + size(p.marks, p.ghost_marks),
        [&] { inner_.spmm_bf16(a, p); });
}

void TimedKernels::bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
                       View value) const {
  timed("bpr", size(u, p, n, slope, value), [&] { inner_.bpr(u, p, n, lanes, slope, value); });
}

void TimedKernels::bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n,
                            View du, View dp, View dn) const {
  timed("bpr_grad", size(slope, u, p, n, du, du, dp, dp, dn, dn),
        [&] { inner_.bpr_grad(a, slope, u, p, n, du, dp, dn); });
}

void TimedKernels::half_squares(ConstView x, LaneOffsets lanes, View value) const {
  timed("half_squares", size(x, value), [&] { inner_.half_squares(x, lanes, value); });
}

void TimedKernels::lane_totals(ConstView x, LaneOffsets lanes, View value) const {
  timed("lane_totals", size(x, value), [&] { inner_.lane_totals(x, lanes, value); });
}

void TimedKernels::axpy_by(ConstView a, ConstView x, View y) const {
  timed("axpy_by", size(x, y, y), [&] { inner_.axpy_by(a, x, y); });
}

void TimedKernels::exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first,
                            View y) const {
  timed("exp_sums", size(a, b, y, y), [&] { inner_.exp_sums(pairs, a, b, first, y); });
}

void TimedKernels::exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g,
                                 Index a_first, View da, Index b_first, View db) const {
  timed("exp_sums_grad", size(a, b, g, da, da, db, db),
        [&] { inner_.exp_sums_grad(pairs, a, b, g, a_first, da, b_first, db); });
}

void TimedKernels::exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const {
  timed("exp_self_sums", size(a, y, y), [&] { inner_.exp_self_sums(pairs, a, first, y); });
}

void TimedKernels::exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                                      View da) const {
  timed("exp_self_sums_grad", size(a, g, da, da),
        [&] { inner_.exp_self_sums_grad(pairs, a, g, first, da); });
}

void TimedKernels::max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                                View y) const {
  timed("max_products", size(a, b, y), [&] { inner_.max_products(pairs, a, b, first, y); });
}

void TimedKernels::grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const {
  timed("grouped_gemm", size(x, w, y), [&] { inner_.grouped_gemm(x, begin, w, y); });
}

void TimedKernels::grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const {
  timed("grouped_gemm_nt", size(dy, w, dx, dx), [&] { inner_.grouped_gemm_nt(dy, begin, w, dx); });
}

void TimedKernels::grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const {
  timed("grouped_gemm_tn", size(x, dy, dw, dw), [&] { inner_.grouped_gemm_tn(x, begin, dy, dw); });
}

void TimedKernels::dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const {
  timed("dot_pairs", static_cast<Index>(pairs.place.size()) * (2 * x.cols + 4),
        [&] { inner_.dot_pairs(pairs, x, z, y); });
}

void TimedKernels::segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const {
  timed("segment_softmax", size(x, y), [&] { inner_.segment_softmax(row_begin, x, y); });
}

void TimedKernels::transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes,
                          View slope, View value) const {
  timed("transr", size(h, r, t, n, slope, value),
        [&] { inner_.transr(h, r, t, n, lanes, slope, value); });
}

void TimedKernels::transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t,
                               ConstView n, View dh, View dr, View dt, View dn) const {
  timed("transr_grad", size(slope, h, r, t, n, dh, dh, dr, dr, dt, dt, dn, dn),
        [&] { inner_.transr_grad(a, slope, h, r, t, n, dh, dr, dt, dn); });
}

void TimedKernels::sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const {
  timed("sgd", 3 * g.size(), [&] { inner_.sgd(o, g, rows, w); });
}

void TimedKernels::adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s) const {
  timed("adagrad", 5 * g.size(), [&] { inner_.adagrad(o, g, rows, w, s); });
}

void TimedKernels::rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                                   View s) const {
  timed("rowwise_adagrad", 3 * g.size() + 2 * g.rows,
        [&] { inner_.rowwise_adagrad(o, g, rows, w, s); });
}

void TimedKernels::adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const {
  timed("adam", 7 * g.size(), [&] { inner_.adam(o, g, w, m, v); });
}

void TimedKernels::update_top_k(ConstView users, ConstView items, const Index* item_ids,
                                const Masked& masked, TopK best) const {
  timed("update_top_k", size(users, items) + items.rows + 4 * best.users * best.k,
        [&] { inner_.update_top_k(users, items, item_ids, masked, best); });
}

}  // namespace chorale

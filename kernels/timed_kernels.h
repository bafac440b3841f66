// Counts calls, seconds and bytes of every kernel, by its name in the catalogue. The calls are
// passed on.
//
// Bytes are what a call must touch at least once: views it reads and writes, ids and entries. Times
// are of the calling thread, so on a device that only enqueues they are the cost of enqueueing. One
// thread at a time.
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "kernels/kernels.h"

namespace chorale {

struct KernelTime {
  std::string_view name;
  std::uint64_t calls = 0;
  double seconds = 0;
  double bytes = 0;
};

class TimedKernels final : public Kernels {
 public:
  explicit TimedKernels(const Kernels& inner) : inner_(inner) {}

  std::vector<KernelTime> times() const;  // longest first; equal times by name
  void reset() { times_.clear(); }

  void fill(Real value, View y) const override;
  void copy(ConstView x, View y) const override;
  void axpy(Real a, ConstView x, View y) const override;
  void axpy_rows(Real a, ConstView x, Rows rows, View y) const override;
  void scale(Real a, View y) const override;
  void multiply(ConstView x, ConstView z, View y) const override;
  void multiply_add(ConstView x, ConstView z, View y) const override;
  void sum_of(Real a, std::span<const ConstView> xs, View y) const override;
  void map(Scalar f, Real parameter, ConstView x, View y) const override;
  void map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const override;
  void dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
               View y) const override;
  void dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                   View y) const override;
  void gemm(ConstView x, ConstView w, View y) const override;
  void gemm_nt(ConstView dy, ConstView w, View dx) const override;
  void gemm_tn(ConstView x, ConstView dy, View dw) const override;
  void add_row(ConstView b, View y) const override;
  void column_sums(ConstView x, View b) const override;
  void bi_interaction(const BiInteraction& layer, ConstView e, ConstView n, std::uint8_t* bits,
                      View y) const override;
  void bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                           const std::uint8_t* bits, ConstView dy, LaneOffsets lanes, bool add,
                           View de, View dn, const BiInteractionWeights& dw) const override;
  void gather_names(std::span<const Index> names, Rows rows, Index* to) const override;
  void normalize_rows(ConstView x, View y, View inverse) const override;
  void normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) const override;
  void gather_rows(ConstView x, Rows rows, View y) const override;
  void scatter_rows(ConstView x, Rows rows, View y) const override;
  void add_segments(ConstView y, const Segments& segments, View x) const override;
  void row_dots(ConstView x, ConstView y, View out) const override;
  void add_scaled_rows(ConstView c, ConstView x, View y) const override;
  void drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                 View y) const override;
  void drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                     View y) const override;
  void add_noise(const Noise& noise, const Index* global_row, ConstView x, View y) const override;
  void scale_rows_by_norm(Real exponent, ConstView x, View y) const override;
  void spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const override;
  void spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const override;
  void spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y) const override;
  void spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                   ConstView ghost, View y) const override;
  void to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const override;
  void axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const override;
  void gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const override;
  void spmm_bf16(const CsrView& a, const Bf16Product& p) const override;
  void bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
           View value) const override;
  void bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n, View du,
                View dp, View dn) const override;
  void half_squares(ConstView x, LaneOffsets lanes, View value) const override;
  void lane_totals(ConstView x, LaneOffsets lanes, View value) const override;
  void axpy_by(ConstView a, ConstView x, View y) const override;
  void exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first, View y) const override;
  void exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g, Index a_first,
                     View da, Index b_first, View db) const override;
  void exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const override;
  void exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                          View da) const override;
  void max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                    View y) const override;
  void grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const override;
  void grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const override;
  void grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const override;
  void dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const override;
  void segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const override;
  void transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes, View slope,
              View value) const override;
  void transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t, ConstView n,
                   View dh, View dr, View dt, View dn) const override;
  void sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const override;
  void adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s) const override;
  void rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                       View s) const override;
  void adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const override;
  void update_top_k(ConstView users, ConstView items, const Index* item_ids, const Masked& masked,
                    TopK best) const override;

 private:
  template <class Call>
  void timed(std::string_view name, Index elements, Call call) const;

  const Kernels& inner_;
  mutable std::map<std::string_view, KernelTime> times_;
};

}  // namespace chorale

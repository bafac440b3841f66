// The part of CheckedKernels that watches contrast and the small kernels around it; see
// checked_kernels.h.
#pragma once

#include "kernels/contracts.h"

namespace chorale {

class CheckedContrast : public Kernels {
 public:
  void row_dots(ConstView x, ConstView y, View out) const override;
  void add_scaled_rows(ConstView c, ConstView x, View y) const override;
  void drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                 View y) const override;
  void drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                     View y) const override;
  void add_noise(const Noise& noise, const Index* global_row, ConstView x, View y) const override;
  void scale_rows_by_norm(Real exponent, ConstView x, View y) const override;
  void lane_totals(ConstView x, LaneOffsets lanes, View value) const override;
  void exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first, View y) const override;
  void exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g, Index a_first,
                     View da, Index b_first, View db) const override;
  void exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const override;
  void exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                          View da) const override;
  void max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                    View y) const override;

 protected:
  explicit CheckedContrast(const Kernels& inner) : inner_(inner) {}

  const Kernels& inner_;
};

}  // namespace chorale

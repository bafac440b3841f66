// The part of CheckedKernels that watches the kernels of relations; see checked_kernels.h.
#pragma once

#include "kernels/checked_contrast.h"

namespace chorale {

class CheckedRelations : public CheckedContrast {
 public:
  void grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const override;
  void grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const override;
  void grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const override;
  void dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const override;
  void segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const override;
  void transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes, View slope,
              View value) const override;
  void transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t, ConstView n,
                   View dh, View dr, View dt, View dn) const override;

 protected:
  explicit CheckedRelations(const Kernels& inner) : CheckedContrast(inner) {}
};

}  // namespace chorale

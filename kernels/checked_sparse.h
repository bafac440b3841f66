// The part of CheckedKernels that watches products with a sparse matrix; see checked_kernels.h.
#pragma once

#include "kernels/checked_relations.h"

namespace chorale {

class CheckedSparse : public CheckedRelations {
 public:
  void spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const override;
  void spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const override;
  void spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y) const override;
  void spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                   ConstView ghost, View y) const override;
  void to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const override;
  void axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const override;
  void gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const override;
  void spmm_bf16(const CsrView& a, const Bf16Product& p) const override;

 protected:
  explicit CheckedSparse(const Kernels& inner) : CheckedRelations(inner) {}
};

}  // namespace chorale

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

 protected:
  explicit CheckedSparse(const Kernels& inner) : CheckedRelations(inner) {}
};

}  // namespace chorale

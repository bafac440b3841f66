#include "kernels/checked_sparse.h"

namespace chorale {

void CheckedSparse::spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  const Contract c("spmm");
  c.shape("y", y, a.rows, y.cols);
  c.csr(a, x, ghost, y.cols);
  c.apart("y", y, x);
  c.apart("y", y, ghost);
  inner_.spmm(a, x, ghost, y);
  c.finite("y", y);
}

void CheckedSparse::spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const {
  const Contract c("spmm_add");
  c.shape("y", y, a.rows, y.cols);
  c.csr(a, x, ghost, y.cols);
  c.apart("y", y, x);
  c.apart("y", y, ghost);
  inner_.spmm_add(a, x, ghost, y);
  c.finite("y", y);
}

void CheckedSparse::spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                              View y) const {
  const Contract c("spmm_rows");
  c.shape("y", y, a.rows, y.cols);
  c.csr(a, x, ghost, y.cols);
  c.row_list("a wanted row", rows, y.rows, true);
  c.apart("y", y, x);
  c.apart("y", y, ghost);
  inner_.spmm_rows(a, rows, x, ghost, y);
  for (const Index r : rows) c.finite("y", y.row_block(r, r + 1));
}

void CheckedSparse::spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks,
                                ConstView x, ConstView ghost, View y) const {
  const Contract c("spmm_marked");
  c.shape("y", y, a.rows, y.cols);
  c.csr(a, x, ghost, y.cols);
  c.shape("marks", marks, a.n_own, 1);
  c.shape("ghost_marks", ghost_marks, a.n_ghost, 1);
  c.apart("y", y, x);
  c.apart("y", y, ghost);
  inner_.spmm_marked(a, marks, ghost_marks, x, ghost, y);
  c.finite("y", y);
}

}  // namespace chorale

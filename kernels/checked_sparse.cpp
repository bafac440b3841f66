#include "kernels/checked_sparse.h"

namespace chorale {
namespace {

Index count_of(const SomeRows& rows, Index all) {
  return rows ? static_cast<Index>(rows->size()) : all;
}

// Only the rows that are listed are promised anything.
template <class Matrix>
void finite_rows(const Contract& c, std::string_view name, const SomeRows& rows, Matrix y) {
  if (!rows) return c.finite(name, y);
  for (const Index r : *rows) c.finite(name, Matrix{y.row(r), 1, y.cols, y.stride});
}

}  // namespace

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

void CheckedSparse::to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const {
  const Contract c("to_bf16");
  c.shape("x", x, count_of(rows, y.rows), y.cols);
  c.shape("y", y, y.rows, y.cols);
  if (rows) c.row_list("a row", *rows, y.rows, true);
  inner_.to_bf16(a, x, rows, add, y);
  finite_rows(c, "y", rows, y);
}

void CheckedSparse::axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const {
  const Contract c("axpy_bf16");
  c.shape("x", x, x.rows, y.cols);
  c.shape("y", y, count_of(rows, x.rows), y.cols);
  if (rows) c.row_list("a row", *rows, x.rows, false);
  inner_.axpy_bf16(a, x, rows, y);
  c.finite("y", y);
}

// Rows that nobody will read may hold anything.
void CheckedSparse::gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const {
  const Contract c("gather_bf16");
  c.shape("x", x, x.rows, y.cols);
  c.shape("y", y, static_cast<Index>(rows.size()), y.cols);
  c.row_list("a row", rows, x.rows, false);
  c.apart("y", y, x);
  inner_.gather_bf16(x, rows, y);
}

void CheckedSparse::spmm_bf16(const CsrView& a, const Bf16Product& p) const {
  const Contract c("spmm_bf16");
  const Index d = p.x.cols;
  const bool is_rounded = p.rounded.data != nullptr;
  c.shape("x", p.x, a.n_own, d);
  if (a.n_ghost > 0) c.shape("ghost", p.ghost, a.n_ghost, d);
  c.csr(a);
  if (p.marks.data != nullptr) {
    c.shape("marks", p.marks, a.n_own, 1);
    c.shape("ghost_marks", p.ghost_marks, a.n_ghost, 1);
  }
  if (p.rows) c.row_list("a wanted row", *p.rows, a.rows, false);
  if (is_rounded) {
    c.equal("the rows chosen of what is rounded", p.rows.has_value(), 0);
    c.shape("rounded", p.rounded, a.rows, d);
    c.equal("the memory of y beside that of rounded", p.y.data != nullptr, 0);
    c.apart("rounded", p.rounded, p.x);
    c.apart("rounded", p.rounded, p.ghost);
  } else {
    c.shape("y", p.y, count_of(p.rows, a.rows), d);
  }
  inner_.spmm_bf16(a, p);
  is_rounded ? c.finite("rounded", p.rounded) : c.finite("y", p.y);
}

}  // namespace chorale

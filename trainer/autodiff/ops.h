// The ops models are written in. Each checks shapes and layouts, computes, and records its adjoint
// beside it (trainer/autodiff/ops/*.cpp). All are collective: every rank runs the same program.
//
// Shapes: (n, d) of `rows` values means n rows over all ranks. A scalar is a partial scalar.
#pragma once

#include <span>

#include "graph/dist_csr.h"
#include "graph/row_subset.h"
#include "trainer/autodiff/tape.h"
#include "trainer/autodiff/var.h"

namespace chorale {

// --- arithmetic: ops/arithmetic.cpp ---
Var operator+(Var x, Var y);          // rows + rows of equal shape, or scalar + scalar
Var operator*(double a, Var x);       // rows or scalar
Var multiply(Var x, Var y);           // element by element; x, y:(n,d) rows
Var concat(std::span<const Var> xs);  // columns side by side; x_i:(n,d_i) rows over one partition

// --- dense layers: ops/dense.cpp ---
Var matmul(Var x, Var w);    // y = x w     x:(n,k) rows  w:(k,m) replicated  y:(n,m) rows
Var add_bias(Var x, Var b);  // y_i = x_i + b   x:(n,m) rows  b:(1,m) replicated

// --- elementwise functions: ops/elementwise.cpp ---
Var leaky_relu(Var x, double slope);
// Drops elements with probability `rate` in training and scales the others by 1 / (1 - rate); the
// identity otherwise. names[i] is the public number of local row i (device memory): masks are keyed
// by it.
Var dropout(Var x, double rate, std::span<const Index> names);

// --- rows: ops/rows.cpp ---
// The rows of x named by ids, wherever they live: y[i] = x[ids[i]].
//   x:(n,d) rows   ids: global rows   y:(b,d) rows over ids.part
// The adjoint adds contributions to a row in the order of the batch. Straight from a table it
// leaves a row-sparse gradient.
Var gather(Var x, const IdColumn& ids);
// The chosen rows of x, and their adjoint: y has the chosen rows from x and zero elsewhere. Both
// are copies within a rank.
//   select: x:(n,d) rows over subset.whole(), y:(m,d) rows over subset.part(); spread: back
Var select(Var x, const RowSubset& subset);
Var spread(Var x, const RowSubset& subset);
// y_i = x_i / max(|x_i|, 1e-12)
Var normalize_rows(Var x);

// --- graph: ops/graph.cpp ---
// y = A x; the halo travels inside. The adjoint is the product with the stored transpose.
//   x:(A.columns,d) rows over the column partition   y:(A.rows,d) rows
Var spmm(const DistCsr& a, Var x);
// y = sum_k c[k] A^k x for square A: the linear propagation of LightGCN and its kin as one op.
// Nothing is kept for the adjoint, which evaluates the transposed polynomial in Horner form.
//   x, y:(n,d) rows   c: at least one coefficient, copied
Var propagate(const DistCsr& a, Var x, std::span<const double> coefficients);

}  // namespace chorale

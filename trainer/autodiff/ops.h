// The ops models are written in. Each checks shapes and layouts, computes, and records its adjoint
// beside it (trainer/autodiff/ops/*.cpp). All are collective: every rank runs the same program.
//
// Shapes: (n, d) of `rows` values means n rows over all ranks. A scalar is a partial scalar. Ops
// that treat rows one by one, and all of them alike, take `chosen` values too and give such; these
// say "rows or chosen".
#pragma once

#include <span>

#include "graph/dist_csr.h"
#include "graph/hypergraph.h"
#include "graph/row_subset.h"
#include "trainer/autodiff/tape.h"
#include "trainer/autodiff/var.h"

namespace chorale {

// --- arithmetic: ops/arithmetic.cpp; rows or chosen ---
Var operator+(Var x, Var y);          // rows + rows of equal shape, or scalar + scalar
Var operator*(double a, Var x);       // rows or scalar
Var multiply(Var x, Var y);           // element by element; x, y:(n,d) rows
Var concat(std::span<const Var> xs);  // columns side by side; x_i:(n,d_i) rows over one partition

// --- dense layers: ops/dense.cpp; rows or chosen ---
Var matmul(Var x, Var w);    // y = x w     x:(n,k) rows  w:(k,m) replicated  y:(n,m) rows
Var add_bias(Var x, Var b);  // y_i = x_i + b   x:(n,m) rows  b:(1,m) replicated

// --- elementwise functions: ops/elementwise.cpp; rows or chosen ---
Var leaky_relu(Var x, double slope);
Var log(Var x);
Var exp(Var x);
// Drops elements with probability `rate` in training and scales the others by 1 / (1 - rate); the
// identity otherwise. names[i] is the public number of local row i (device memory): masks are keyed
// by it.
Var dropout(Var x, double rate, std::span<const Index> names);

// --- bi-interaction: ops/interaction.cpp ---
// The weights of a layer and how it is computed.
struct BiInteractionLayer {
  Table &w_sum, &b_sum, &w_product, &b_product;  // (k,m), (1,m), (k,m), (1,m)
  bool has_self = false;
  double slope = 0.2;
  double dropout = 0;
};
// y = dropout(leaky(s w_sum + b_sum) + leaky((e o n) w_product + b_product)), where s is n, or e +
// n if the layer has_self: the aggregator of NGCF and of KGAT as one op, which reads its input and
// writes its output and keeps a byte an element.
//   e, n:(n,k) rows or chosen   y:(n,m)   names as of dropout
Var bi_interaction(Var e, Var n, const BiInteractionLayer& layer, std::span<const Index> names);

// --- rows: ops/rows.cpp ---
// The rows of x named by ids, wherever they live: y[i] = x[ids[i]].
//   x:(n,d) rows   ids: global rows   y:(b,d) rows over ids.part
// The adjoint adds contributions to a row in the order of the batch. Straight from a table it
// leaves a row-sparse gradient. Gathered again in the same step, it is the same value.
Var gather(Var x, const IdColumn& ids);
// The chosen rows of x, and their adjoint: y has the chosen rows from x and zero elsewhere. Both
// are copies within a rank.
//   select: x:(n,d) rows over subset.whole(), y:(m,d) rows over subset.part(); spread: back
Var select(Var x, const RowSubset& subset);
Var spread(Var x, const RowSubset& subset);
// The rows of x that gather(., ids) of these columns will read: `chosen`; or x itself where there
// are no columns or many ids. Within a step the same columns choose the same rows.
Var choose(Var x, std::span<const IdColumn* const> gathered);
// y_i = x_i / max(|x_i|, 1e-12)     x: rows or chosen
Var normalize_rows(Var x);
// z_i = x_i . y_i     x, y:(n,d) rows   z:(n,1) rows
Var row_dots(Var x, Var y);
// Dropout of whole rows, one draw a row; `names` as of dropout.
Var drop_rows(Var x, double rate, std::span<const Index> names);
// y_i = x_i + noise of this length that moves elements away from zero (kernels.h, add_noise); the
// identity outside training. The gradient passes through. `names` as of dropout.
Var add_noise(Var x, double length, std::span<const Index> names);
// y_i = x_i |x_i|^(exponent - 1). For scoring: it has no adjoint, and backward refuses it.
Var scale_rows_by_norm(Var x, double exponent);

// --- scalars: ops/scalars.cpp ---
Var sum(Var x);  // of all elements; x:(n,d) rows, a partial scalar
// The logarithm of what a partial scalar stands for, the sum of its lanes, again as a partial
// scalar: the first lane holds it, the others hold 0. Collective, and the host waits.
Var log_of(Var scalar);

// --- contrast: ops/contrast.cpp. Sums over all pairs of rows, of all ranks; pairs are never
// stored. Each rank brings its rows together once a step. ---
// y_i = sum_j exp(scale a_i . b_j - shift)   a:(n,d) rows  b:(m,d) rows  y:(n,1) rows, dealt as a
Var exp_sums(Var a, Var b, double scale, double shift);
// The same over pairs of different names. a_names, b_names: one a local row, host memory.
Var exp_sums(Var a, std::span<const Index> a_names, Var b, std::span<const Index> b_names,
             double scale, double shift);
// y_i = sum over j != i of exp(scale a_i . a_j - shift); half the work of exp_sums(a, a).
Var exp_self_sums(Var a, double scale, double shift);
// y_i = log sum_j exp(scale a_i . b_j), for products of any size: the largest is taken out first.
// A row without pairs is an error that shows as -infinity.
Var log_exp_sums(Var a, Var b, double scale);
Var log_exp_sums(Var a, std::span<const Index> a_names, Var b, std::span<const Index> b_names,
                 double scale);

// --- graph: ops/graph.cpp ---
// y = A x; the halo travels inside. The adjoint is the product with the stored transpose.
//   x:(A.columns,d) rows over the column partition   y:(A.rows,d) rows
Var spmm(const DistCsr& a, Var x);
// The same at the rows that choose(y, gathered) would keep; y is `chosen` then. The product is
// taken at these alone, and the adjoint reads these alone.
Var spmm(const DistCsr& a, Var x, std::span<const IdColumn* const> gathered);
// y = sum_k c[k] A^k x for square A: the linear propagation of LightGCN and its kin as one op.
// Nothing is kept for the adjoint, which evaluates the transposed polynomial in Horner form.
//   x, y:(n,d) rows   c: at least one coefficient, copied
// If the tape propagates in bf16, x and the layers between are rounded when they are stored, as is
// what the adjoint sends through A; sums, y and dx are Real.
Var propagate(const DistCsr& a, Var x, std::span<const double> coefficients);
// The same where what reads y needs no rows but those of gather(y, ids) of these columns. With few
// ids y is `chosen`, of their rows: the last product is taken at these alone, and the first one of
// the adjoint reads these alone. The same bits at two products less, and two matrices like x are
// all that is at work.
Var propagate(const DistCsr& a, Var x, std::span<const double> coefficients,
              std::span<const IdColumn* const> gathered);

// y = P x for the clique expansion of a hypergraph; the adjoint is the product with P^T.
//   x, y:(n,d) rows over P.partition()
Var expand(const CliqueOperator& p, Var x);

}  // namespace chorale

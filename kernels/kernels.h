// The catalogue: every computation that one device can do. Each entry gives shapes, formula and,
// where it matters, the order of summation. The reference backend (kernels/reference) is the
// specification; a faster backend overrides what it can do better and must agree with it
// (tests/kernels/catalogue_test.cpp).
//
// Rules for all backends
// * The result for one output row depends on that row's inputs only: not on how many rows a call
// has,
//   on threads, or on where a block begins. So results do not depend on how rows are dealt to
//   ranks.
// * No floating-point atomics. A sum over rows is taken per lane, in ascending row order or in a
//   fixed tree that depends on the lane's length alone.
// * `+=` adds to what is there; `=` overwrites and reads nothing. Outputs never overlap inputs
//   unless said.
// * Everything is enqueued; the host has not waited when a call returns.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/scalar.h"
#include "kernels/view.h"

namespace chorale {

// Names one dropout mask: element (i, j) is dropped by random(seed, step, op, global_row[i], j).
struct DropoutMask {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint32_t op = 0;  // which dropout of the step this is
  Real rate = 0;         // probability of being dropped; survivors are scaled by 1 / (1 - rate)
};

// Names the noise of one op of one step: that of element (i, j) is drawn by
// random(seed, step, op, global_row[i], j).
struct Noise {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint32_t op = 0;  // as of dropout: which draw of the step this is
  Real length = 0;       // of every row's noise
};

// What is summed over pairs of rows (i, j) of a:(n,d) and b:(m,d):
//   e_ij = exp(scale a_i . b_j - shift_i), and nothing for a pair of equal names.
struct Pairs {
  Real scale = 1;
  Real shift = 0;                  // of every row, unless `shifts` gives each its own
  ConstView shifts = {};           // (n,1), or none
  const Index* a_names = nullptr;  // (n) in device memory, or none
  const Index* b_names = nullptr;  // (m), exactly if a_names is given
};

// A product A [x; ghost] whose operand is stored in bf16, and what becomes of its rows s_r, sums in
// Real: y_r = scale s_r, or y_r += scale s_r if `add`; or rounded_r = s_r in bf16. Of some rows, y
// has one for each: y_i is of s_rows[i].
struct Bf16Product {
  ConstBf16View x, ghost = {};             // (n_own,d), (n_ghost,d)
  ConstView marks = {}, ghost_marks = {};  // (n_own,1), (n_ghost,1) as of spmm_marked; or none
  SomeRows rows = {};                      // those to compute, for y; or all
  View y = {};  // (A.rows,d) or (rows.size(),d); without memory if `rounded` has some
  Real scale = 1;
  bool add = false;
  Bf16View rounded = {};  // (A.rows,d)
};

// A layer of bi-interaction, of rows e and of what their neighbours send, n:
//   y = dropout(leaky(s w_sum + b_sum) + leaky(p w_product + b_product))
// with s = self e + n and p = e o n.
//   Wang et al., "NGCF", SIGIR 2019, eq. 7, and "KGAT", KDD 2019, eq. 8
struct BiInteraction {
  Real self = 0;   // 1: the sum has e itself
  Real slope = 0;  // of LeakyReLU below zero
  DropoutMask mask = {};
  const Index* global_row = nullptr;  // (n) in device memory; not read if nothing is dropped
  ConstView w_sum, b_sum;             // (k,m), (1,m)
  ConstView w_product, b_product;     // (k,m), (1,m)
};

// What the adjoint of bi-interaction has to know of an element of y.
enum BiInteractionBits : std::uint8_t {
  kSumIsAbove = 1,      // s w_sum + b_sum > 0
  kProductIsAbove = 2,  // p w_product + b_product > 0
  kIsKept = 4,          // by dropout
};

// Gradients of a layer's weights, of each lane: (lanes, k m) and (lanes, m).
struct BiInteractionWeights {
  View w_sum, b_sum, w_product, b_product;
};

// The best k items of each user so far, best first: score descending, then id ascending. Unfilled
// places hold -infinity and id -1.
struct TopK {
  Index users = 0;
  Index k = 0;
  Real* scores = nullptr;  // (users, k)
  Index* ids = nullptr;    // (users, k)
};

// Items that must not be ranked: for user i the positions items[begin[i]] .. items[begin[i+1]] of
// the block of items at hand, ascending.
struct Masked {
  const Index* begin = nullptr;  // (users + 1)
  const LocalIndex* items = nullptr;
};

// Hyper-parameters of one optimizer step; which are read depends on the kernel.
struct UpdateOptions {
  Real rate = 0;   // learning rate of this step
  Index step = 1;  // 1 for the first update (bias correction)
  Real epsilon = 0;
  Real beta1 = 0, beta2 = 0;
  Real l2 = 0;       // g += l2 * w before anything else
  Real decay = 0;    // w *= 1 - rate * decay before the step (AdamW)
  bool tf1 = false;  // Adam with epsilon outside the bias correction (models of TensorFlow 1)
};

class Kernels {
 public:
  virtual ~Kernels() = default;

  // --- dense, elementwise; any shapes, all equal ---
  virtual void fill(Real value, View y) const = 0;           // y = value
  virtual void copy(ConstView x, View y) const = 0;          // y = x
  virtual void axpy(Real a, ConstView x, View y) const = 0;  // y += a x
  // y_rows[i] += a x_i for rows that are listed once each    x:(rows.size(),d)
  virtual void axpy_rows(Real a, ConstView x, Rows rows, View y) const = 0;
  virtual void scale(Real a, View y) const = 0;                           // y *= a
  virtual void multiply(ConstView x, ConstView z, View y) const = 0;      // y = x o z
  virtual void multiply_add(ConstView x, ConstView z, View y) const = 0;  // y += x o z
  // y = a (xs[0] + xs[1] + ...), summed in that order. xs: host memory.
  virtual void sum_of(Real a, std::span<const ConstView> xs, View y) const = 0;
  virtual void map(Scalar f, Real parameter, ConstView x, View y) const = 0;  // y = f(x)
  // dx += f'(x) o dy
  virtual void map_slope(Scalar f, Real parameter, ConstView x, ConstView dy, View dx) const = 0;
  // y = x o mask / (1 - rate), or y += ... The adjoint is the same call on dy.
  // global_row:(n) in device memory. The words of column j: random.h, dropout_index.
  virtual void dropout(const DropoutMask& mask, const Index* global_row, ConstView x,
                       View y) const = 0;
  virtual void dropout_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                           View y) const = 0;

  // --- dense, matrices ---
  // y = x w          x:(n,k) w:(k,m) y:(n,m)
  virtual void gemm(ConstView x, ConstView w, View y) const = 0;
  // dx += dy w^T     dy:(n,m) w:(k,m) dx:(n,k)
  virtual void gemm_nt(ConstView dy, ConstView w, View dx) const = 0;
  // dw += x^T dy     x:(n,k) dy:(n,m) dw:(k,m)
  virtual void gemm_tn(ConstView x, ConstView dy, View dw) const = 0;
  virtual void add_row(ConstView b, View y) const = 0;      // y_i += b      b:(1,d) y:(n,d)
  virtual void column_sums(ConstView x, View b) const = 0;  // b += sum_i x_i  b:(1,d)

  // --- bi-interaction: a whole layer at a time, so that what lies between its input and its output
  // need not be stored ---
  // y as of BiInteraction.   e, n:(n,k) y:(n,m) bits:(n,m) without gaps, or null: not wanted
  virtual void bi_interaction(const BiInteraction& layer, ConstView e, ConstView n,
                              std::uint8_t* bits, View y) const = 0;
  // With ds and dp the gradients of s and p:
  //   de = self ds + dp o n, or de += ... if `add`;  dn = ds + dp o e;
  // and the weights' gradients of each lane are added to `dw`, in ascending blocks of rows.
  virtual void bi_interaction_grad(const BiInteraction& layer, ConstView e, ConstView n,
                                   const std::uint8_t* bits, ConstView dy, LaneOffsets lanes,
                                   bool add, View de, View dn,
                                   const BiInteractionWeights& dw) const = 0;

  // --- rows ---
  // inverse[i] = 1 / max(|x_i|, 1e-12); y_i = inverse[i] x_i       inverse:(n,1)
  virtual void normalize_rows(ConstView x, View y, View inverse) const = 0;
  // dx_i += inverse[i] (dy_i - y_i (y_i . dy_i)); a row whose norm was below 1e-12
  // receives nothing.
  virtual void normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx) const = 0;
  // to[i] = names[rows[i]]     names, to: device memory
  virtual void gather_names(std::span<const Index> names, Rows rows, Index* to) const = 0;
  virtual void gather_rows(ConstView x, Rows rows, View y) const = 0;  // y_i = x_rows[i]
  virtual void scatter_rows(ConstView x, Rows rows,
                            View y) const = 0;  // y_rows[i] = x_i, each once
  // x_rows[s] += sum over the segment, in its order. See Segments.
  virtual void add_segments(ConstView y, const Segments& segments, View x) const = 0;

  // out_i = x_i . y_i    out:(n,1)
  virtual void row_dots(ConstView x, ConstView y, View out) const = 0;
  // y_i += c_i x_i       c:(n,1)
  virtual void add_scaled_rows(ConstView c, ConstView x, View y) const = 0;
  // dropout of whole rows: row i is dropped where dropout would drop its element (i, 0).
  virtual void drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x,
                         View y) const = 0;
  virtual void drop_rows_add(const DropoutMask& mask, const Index* global_row, ConstView x,
                             View y) const = 0;
  // y_i = x_i + length sign(x_i) o r_i / max(|r_i|, 1e-12), with r uniform in [0, 1), 24 bits a
  // number, and sign(0) = 0.   Yu et al., "Are graph augmentations necessary?" (SimGCL), SIGIR 2022
  virtual void add_noise(const Noise& noise, const Index* global_row, ConstView x,
                         View y) const = 0;
  // y_i = x_i |x_i|^(exponent - 1): rows keep their direction; a row of zeros stays one.
  virtual void scale_rows_by_norm(Real exponent, ConstView x, View y) const = 0;

  // --- sparse ---
  // y = A [x; ghost], or y += ...    x:(n_own,d) ghost:(n_ghost,d) y:(A.rows,d)
  // A row is summed in an order that depends on its number of entries alone; on a CPU, CSR order.
  virtual void spmm(const CsrView& a, ConstView x, ConstView ghost, View y) const = 0;
  virtual void spmm_add(const CsrView& a, ConstView x, ConstView ghost, View y) const = 0;
  // y_r = (A [x; ghost])_r for the rows r that are listed, each once; other rows of y stay as they
  // are. The same bits as those of spmm.
  virtual void spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost,
                         View y) const = 0;
  // spmm of an operand whose rows with mark 0 are zeros: they are not read.
  //   marks:(n_own,1) ghost_marks:(n_ghost,1), 0 or 1
  virtual void spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                           ConstView ghost, View y) const = 0;

  // --- bf16: operands of sparse products in half the bytes. Numbers are rounded to nearest, ties
  // to even (bf16.h); what is computed with them is computed in Real. ---
  // y_r = a x_r rounded, or y_r + a x_r if `add`, a fused step that is rounded. Of some rows, x has
  // one for each: y_rows[i] of x_i.    y:(n,d) x:(n,d) or (rows.size(),d)
  virtual void to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y) const = 0;
  // y_r += a x_r, or of some rows y_i += a x_rows[i]    x:(n,d) y:(n,d) or (rows.size(),d)
  virtual void axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y) const = 0;
  virtual void gather_bf16(ConstBf16View x, Rows rows, Bf16View y) const = 0;  // y_i = x_rows[i]
  // See Bf16Product. The order of summation is that of spmm.
  virtual void spmm_bf16(const CsrView& a, const Bf16Product& p) const = 0;

  // --- losses: a (lanes, 1) view of partial sums, one per lane of the local rows ---
  // value[l] = sum over lane l of softplus(-(u_i . p_i - u_i . n_i));
  // slope[i] = d(term i) / d(score difference)
  //   u, p, n:(b,d)  slope:(b,1)  value:(lanes,1)       Rendle et al. 2009, stable form
  virtual void bpr(ConstView u, ConstView p, ConstView n, LaneOffsets lanes, View slope,
                   View value) const = 0;
  // With c_i = a slope_i: du_i += c_i (p_i - n_i); dp_i += c_i u_i; dn_i -= c_i u_i.
  //   a:(1,1) upstream gradient
  virtual void bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n,
                        View du, View dp, View dn) const = 0;
  // value[l] = sum over lane l of |x_i|^2 / 2
  virtual void half_squares(ConstView x, LaneOffsets lanes, View value) const = 0;
  // value[l] = sum over all elements of lane l
  virtual void lane_totals(ConstView x, LaneOffsets lanes, View value) const = 0;
  // y += a x with a:(1,1) in device memory
  virtual void axpy_by(ConstView a, ConstView x, View y) const = 0;

  // --- contrast: sums over pairs of rows, which are never stored. a:(n,d) and b:(m,d) hold the
  // rows of all ranks; an output holds some of them, its rows [first, first + rows): the own rows.
  // What an own row receives is the same bits whichever rows are own: terms are summed in blocks
  // cut by row number, and blocks are added in ascending order. ---

  // y_i += sum_j e_ij for own rows i of a.    y:(own,1)
  virtual void exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first,
                        View y) const = 0;
  // With w_ij = g_i e_ij: da_i += scale sum_j w_ij b_j for own rows of a,
  //                       db_j += scale sum_i w_ij a_i for own rows of b.
  //   g:(n,1) of all rows; da and db lie apart, and one without rows is not computed
  virtual void exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g,
                             Index a_first, View da, Index b_first, View db) const = 0;
  // b is a: y_i += sum over j != i of e_ij, with one shift for all rows and no names.
  virtual void exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const = 0;
  // With w_ij = (g_i + g_j) e_ij: da_i += scale (sum over j != i of w_ij a_j).   g:(n,1)
  virtual void exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                                  View da) const = 0;
  // y_i = max_j scale a_i . b_j over the pairs of own row i, without shifts; -infinity if there are
  // none.
  virtual void max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                            View y) const = 0;

  // --- relations: groups of rows, each with a matrix of its own. Row g of w:(groups, k m) is the
  // (k,m) matrix w_g of the rows i of group g. ---
  // y_i = x_i w_g          x:(n,k) y:(n,m)
  virtual void grouped_gemm(ConstView x, Groups begin, ConstView w, View y) const = 0;
  // dx_i += dy_i w_g^T     dy:(n,m) dx:(n,k)
  virtual void grouped_gemm_nt(ConstView dy, Groups begin, ConstView w, View dx) const = 0;
  // dw_g += sum over the rows of group g of x_i^T dy_i, in ascending row
  virtual void grouped_gemm_tn(ConstView x, Groups begin, ConstView dy, View dw) const = 0;
  // y[place[e]] = x[first[e]] . z[second[e]]      x:(p,d) z:(q,d) y:(places,1)
  virtual void dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y) const = 0;
  // y = softmax of x within each row of a sparse pattern; sums in double, in the order of the row.
  //   row_begin:(rows + 1) in device memory, from 0   x, y:(row_begin[rows], 1)
  virtual void segment_softmax(std::span<const Index> row_begin, ConstView x, View y) const = 0;
  // TransR: with g+_i = |h_i + r_i - t_i|^2 and g-_i = |h_i + r_i - n_i|^2 of projected vectors,
  // value[l] = sum over lane l of softplus(g+_i - g-_i); slope[i] = sigmoid(g+_i - g-_i)
  //   h, r, t, n:(b,d)  slope:(b,1)  value:(lanes,1)        Lin et al., "TransR", AAAI 2015
  virtual void transr(ConstView h, ConstView r, ConstView t, ConstView n, LaneOffsets lanes,
                      View slope, View value) const = 0;
  // With c_i = 2 a slope_i: dh_i += c_i (n_i - t_i); dr_i likewise;
  // dt_i -= c_i (h_i + r_i - t_i); dn_i += c_i (h_i + r_i - n_i).     a:(1,1) upstream gradient
  virtual void transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t,
                           ConstView n, View dh, View dr, View dt, View dn) const = 0;

  // --- optimizers: w, g and state have one row per updated row. `rows` empty: row i of g updates
  // row i of w and of the state; otherwise row i of g updates row rows[i]. Rows are distinct. ---
  virtual void sgd(const UpdateOptions& o, ConstView g, Rows rows, View w) const = 0;
  // s += g^2; w -= rate g / (sqrt(s) + epsilon)     s:(n,d)      Duchi et al. 2011
  virtual void adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s) const = 0;
  // s += mean_j g_j^2; w -= rate g / (sqrt(s) + epsilon)   s:(n,1)
  virtual void rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w,
                               View s) const = 0;
  // Kingma and Ba 2015, in the Torch form or (o.tf1) the TensorFlow 1 form; o.decay != 0 gives
  // AdamW (Loshchilov and Hutter 2019). Dense by nature: rows without a gradient move too.
  //   m, v:(n,d)
  virtual void adam(const UpdateOptions& o, ConstView g, View w, View m, View v) const = 0;

  // --- ranking ---
  // Offers every item of the block to every user: best = the k best of (best, block). The score of
  // a pair is the sum of products over columns in ascending column, one rounding a fused step. A
  // NaN score stands above every number (kernels/ranking.h).
  //   users:(u,d) items:(m,d) item_ids:(m)
  virtual void update_top_k(ConstView users, ConstView items, const Index* item_ids,
                            const Masked& masked, TopK best) const = 0;
};

}  // namespace chorale

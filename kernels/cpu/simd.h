// The vector code of the CPU backend: plain functions over whole views, each compiled for several
// instruction sets and chosen at run time. The caller cuts views into row blocks for its threads.
//
// Shapes and meanings are those of the kernels of the same name. Every step that multiplies and
// adds is fused where the machine can; the tail of a row is computed by the same operations as its
// body.
#pragma once

#include "kernels/cpu/pair_cell.h"
#include "kernels/kernels.h"

namespace chorale::simd {

// elementwise (simd_dense.cpp)
void fill(Real value, View y);
void axpy(Real a, ConstView x, View y);
void scale(Real a, View y);
void multiply(ConstView x, ConstView z, View y, bool add);
void sum_of(Real a, std::span<const ConstView> xs, View y, Index first_row);
void leaky_relu(Real parameter, ConstView x, View y);
void leaky_relu_slope(Real parameter, ConstView x, ConstView dy, View dx);
void add_row(ConstView b, View y);

// random numbers (simd_random.cpp)
void dropout(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add);
void drop_rows(const DropoutMask& mask, const Index* global_row, ConstView x, View y, bool add);
void add_noise(const Noise& noise, const Index* global_row, ConstView x, View y);

// rows and losses (simd_rows.cpp)
void normalize_rows(ConstView x, View y, View inverse);
void normalize_rows_grad(ConstView y, ConstView inverse, ConstView dy, View dx);
void add_segments(ConstView y, const Segments& segments, View x, Index first, Index last);
void bpr_differences(ConstView u, ConstView p, ConstView n, View difference);
void bpr_grad(ConstView a, ConstView slope, ConstView u, ConstView p, ConstView n, View du, View dp,
              View dn);
double sum_of_squares(ConstView x);
double sum_of_elements(ConstView x);
void row_dots(ConstView x, ConstView y, View out);
void add_scaled_rows(ConstView c, ConstView x, View y);
void column_sums(ConstView x, View b);

// bi-interaction (simd_interaction.cpp): the parts of a block of rows
// s = self e + n and p = e o n.
void interaction_operands(Real self, ConstView e, ConstView n, View s, View p);
// y and, unless null, its bits, from the products s w_sum and p w_product.
void interaction_output(const BiInteraction& layer, const Index* global_row, ConstView sum,
                        ConstView product, std::uint8_t* bits, View y);
// What arrives at the two products: dy by the factors that the bits name.
void interaction_slopes(const BiInteraction& layer, const std::uint8_t* bits, ConstView dy,
                        View of_sum, View of_product);
// de = or += self ds + dp o n; dn = ds + dp o e.
void interaction_grad(Real self, ConstView e, ConstView n, ConstView ds, ConstView dp, bool add,
                      View de, View dn);

// sparse (simd_sparse.cpp): rows [first, last)
void spmm(const CsrView& a, ConstView x, ConstView ghost, View y, bool add, Index first,
          Index last);
void spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                 ConstView ghost, View y, Index first, Index last);
void spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y);  // all of `rows`
// places [first, last) of the product's rows
void spmm_bf16(const CsrView& a, const Bf16Product& p, Index first, Index last);

// to bf16 and from it (simd_bf16.cpp): places [first, last) of the rows
void to_bf16(Real a, ConstView x, const SomeRows& rows, bool add, Bf16View y, Index first,
             Index last);
void axpy_bf16(Real a, ConstBf16View x, const SomeRows& rows, View y, Index first, Index last);

// matrices (simd_gemm.cpp)
void gemm(ConstView x, ConstView w, View y);
void gemm_nt(ConstView dy, ConstView w, View dx);
void gemm_tn(ConstView x, ConstView dy, View dw);

// relations (simd_relations.cpp): pairs [first, last)
void dot_pairs(const RowPairs& pairs, ConstView x, ConstView z, View y, Index first, Index last);
void transr_differences(ConstView h, ConstView r, ConstView t, ConstView n, View difference);
void transr_grad(ConstView a, ConstView slope, ConstView h, ConstView r, ConstView t, ConstView n,
                 View dh, View dr, View dt, View dn);

// cells of contrast (simd_contrast.cpp); scores are left . right, exponents are in units of log 2
// row_sums[r] = sum over columns of 2^(score - shift), col_sums[c] = sum over rows, unless null.
//   row_sums:(rows) col_sums:(kCellBlock)
void exp_sums(const PairCell& cell, Real* row_sums, Real* col_sums);
// w(r, c) = (row_factors[r] + col_factors[c]) 2^(score - shift), zero for pairs that are left out.
//   w:(rows, cols) with stride kWeightStride   col_factors:(kCellBlock), or null
void weights(const PairCell& cell, const Real* row_factors, const Real* col_factors, Real* w);
void max_products(const PairCell& cell, Real* row_maxima);
// At most kCellBlock rows as a cell's right operand: `to` has kCellBlock * d elements.
void pack_transposed_block(ConstView rows, Real factor, Real* to);
// At most kCellBlock rows as the right operand of add_block_product: `to` has kCellBlock * d
// elements with d rounded up to kWidestTile.
constexpr Index kWidestTile = 64;
void pack_block(ConstView rows, Real* to);
// to(i, .) += sum over t < depth of w[i * row + t * step] block(t, .), one chain from zero.
void add_block_product(const Real* w, Index row, Index step, Index depth, const Real* block,
                       View to);

// optimizers (simd_optimizers.cpp): rows [first, last) of g
void sgd(const UpdateOptions& o, ConstView g, Rows rows, View w, Index first, Index last);
void adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s, Index first,
             Index last);
void rowwise_adagrad(const UpdateOptions& o, ConstView g, Rows rows, View w, View s, Index first,
                     Index last);
void adam(const UpdateOptions& o, ConstView g, View w, View m, View v);

// ranking (simd_ranking.cpp). False: this machine does not fuse, nothing was done.
bool update_top_k(ConstView users, ConstView items, const Index* item_ids, const Masked& masked,
                  TopK best);

}  // namespace chorale::simd

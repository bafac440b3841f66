// Losses: ops that return a partial scalar, one number a lane, so losses add up with `+`.
#pragma once

#include <span>

#include "trainer/autodiff/tape.h"
#include "trainer/autodiff/var.h"
#include "trainer/data/batch.h"

namespace chorale {

// mean over the batch of softplus(-(u.p - u.n)) = -log sigmoid(u.p - u.n).
//   u, p, n:(b,d) rows over the batch            Rendle et al., "BPR", UAI 2009, sec. 4.1
Var bpr_loss(Var user, Var positive, Var negative);

// mean over the batch of -log(e^{s+} / (e^{s+} + sum of e^{s-} over the keys)), s = cosine /
// temperature; a key that names the sample's own positive is left out of the sum.
//   users, positives:(b,d) rows over positive_ids.part   keys:(m,d) rows   key_ids: their global
//   node rows, host
Var softmax_loss(Var user, Var positive, const IdColumn& positive_ids, Var keys,
                 std::span<const Index> key_ids, double temperature);

// InfoNCE among the rows of a batch: mean over rows i of -log of the share that e^{cos(a_i, b_i) /
// T} has of itself and of all e^{cos(a_i, b_j) / T} where j has another id.   a, b:(n,d) rows over
// ids.part
//   van den Oord et al. 2018, eq. 4. A row that stands in the batch several times counts as often,
//   but never against itself.
Var info_nce(Var a, Var b, const IdColumn& ids, double temperature);

// mean over rows i of -cos(a_i, b_i) / T + log(sum_{j != i} e^{cos(a_i, a_j) / T} + sum_j
// e^{cos(a_i, b_j) / T}): all rows are the negatives of all, in both views.   a, b:(n,d) rows
//   MMHCL, arXiv 2504.16576, as its code has it: one direction, a against b
Var synergistic_contrast(Var a, Var b, double temperature);

// mean over rows i of |x_i - y_i|^2.                            x, y:(n,d) rows of length 1
// log of the mean over pairs of rows i < j of e^{-2 |x_i - x_j|^2}.   x:(n,d) rows of length 1, n >
// 1
//   Wang et al., "Towards Representation Alignment and Uniformity in Collaborative Filtering", KDD
//   2022, eqs. 4 and 5 for a batch. A row that stands in the batch twice makes a pair with itself,
//   as in the authors' code.
// Uniformity is collective and waits, by log_of.
Var alignment(Var x, Var y);
Var uniformity(Var x);

// A named part of a loss.
struct Term {
  const char* name;
  Var value;
};
// The sum of at least one, in their order; each is reported beside the loss (Tape::note).
Var noted_sum(Tape& t, std::span<const Term> terms);

// sum over all elements of x^2 / 2.   x:(n,d) rows. A row gathered twice counts twice.
Var half_squares(Var x);
// The same of the rows of the batch: users, positives and negatives.   x:(nodes,d) rows
Var half_squares(Var x, const Batch& batch);
// l2 / b times that: the regulariser of most models.
Var mean_l2(Var x, const Batch& batch, double l2);

// TransR on samples (head, relation, tail, corrupted tail): with g(t) = |h W_r + e_r - t W_r|^2,
//   mean softplus(g(tail) - g(negative))
//     + l2 / l2_divisor  sum over samples (|h W_r|^2 + |e_r|^2 + |t W_r|^2 + |t' W_r|^2) / 2
//
//   head, tail, negative:(b,d) rows over the batch
//   relation_vectors:(g,k), matrices:(g,d k) rows over the groups, row-major matrices
// A group is a run of samples of one relation within one lane: local group i holds this rank's
// samples [groups[i], groups[i+1]), and groups are dealt as the lanes of their samples are. The
// vector and the matrix of a group are gathered once for it, so a batch that is ordered by relation
// has few groups. `groups` is host memory that outlives the step.
//                                    Lin et al., "TransR", AAAI 2015; the regulariser of KGAT's
//                                    code
Var transr_loss(Var head, Var tail, Var negative, Var relation_vectors, Var matrices, Groups groups,
                double l2, double l2_divisor);

}  // namespace chorale

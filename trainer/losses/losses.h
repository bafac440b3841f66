// Losses: ops that return a partial scalar, one number a lane, so losses add up with `+`.
#pragma once

#include <span>

#include "trainer/autodiff/tape.h"
#include "trainer/autodiff/var.h"

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

// mean over rows i of -cos(a_i, b_i) / T + log(sum_{j != i} e^{cos(a_i, a_j) / T} + sum_j
// e^{cos(a_i, b_j) / T}): all rows are the negatives of all, in both views.   a, b:(n,d) rows
//   MMHCL, arXiv 2504.16576, as its code has it: one direction, a against b
Var synergistic_contrast(Var a, Var b, double temperature);

// sum over all elements of x^2 / 2.   x:(n,d) rows. A row gathered twice counts twice.
Var half_squares(Var x);

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

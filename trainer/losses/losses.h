// Losses: ops that return a partial scalar, one number a lane, so losses add up with `+`.
#pragma once

#include "trainer/autodiff/tape.h"
#include "trainer/autodiff/var.h"

namespace chorale {

// mean over the batch of softplus(-(u.p - u.n)) = -log sigmoid(u.p - u.n).
//   u, p, n:(b,d) rows over the batch            Rendle et al., "BPR", UAI 2009, sec. 4.1
Var bpr_loss(Var user, Var positive, Var negative);

// sum over all elements of x^2 / 2.   x:(n,d) rows. A row gathered twice counts twice.
Var half_squares(Var x);

}  // namespace chorale

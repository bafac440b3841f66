// Alignment and uniformity on the unit sphere.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale {

Var alignment(Var x, Var y) {
  require(x.part() == y.part() && x.cols() == y.cols(),
          "alignment: two views of the same rows, of one width");
  return (2.0 / static_cast<double>(x.part().rows())) * half_squares(x + -1.0 * y);
}

// For rows of length 1, -2 |x_i - x_j|^2 = 4 x_i . x_j - 4. Every pair stands in the sums twice.
Var uniformity(Var x) {
  const auto n = static_cast<double>(x.part().rows());
  require(n >= 2, "uniformity: {} rows make no pair", n);
  return log_of((1.0 / (n * (n - 1.0))) * sum(exp_self_sums(x, 4.0, 4.0)));
}

}  // namespace chorale

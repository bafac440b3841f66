// The L2 regulariser.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"
#include "trainer/losses/losses.h"

namespace chorale {

Var half_squares(Var x) {
  require(x.layout() == Layout::rows, "half_squares: rows only");
  Tape& t = *x.tape;
  Var y = t.output_partial();
  t.kernels().half_squares(x.value(), x.part().lane_offsets(), y.out());
  t.on_backward(y, {x}, [=, &t] { t.kernels().axpy_by(y.grad(), x.value(), x.grad()); });
  return y;
}

// One after the other: the order in which ops are recorded decides the order of sums in gradients,
// and the operands of + are evaluated in no particular one.
Var half_squares(Var x, const Batch& batch) {
  Var negative = gather(x, batch["negative"]);
  Var positive = gather(x, batch["positive"]);
  Var user = gather(x, batch["user"]);
  Var n = half_squares(negative);
  Var p = half_squares(positive);
  Var u = half_squares(user);
  return u + p + n;
}

Var mean_l2(Var x, const Batch& batch, double l2) {
  return (l2 / static_cast<double>(batch["user"].size())) * half_squares(x, batch);
}

}  // namespace chorale

// The L2 regulariser.
#include "kernels/check.h"
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

}  // namespace chorale

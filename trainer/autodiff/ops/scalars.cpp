// Partial scalars from rows and from one another.
#include <cmath>

#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

Var sum(Var x) {
  require(x.layout() == Layout::rows, "sum: rows only");
  Tape& t = *x.tape;
  Var y = t.output_partial();
  t.kernels().lane_totals(x.value(), x.part().lane_offsets(), y.out());
  t.on_backward(y, {x}, [=, &t] {
    const Kernels& k = t.kernels();
    const View ones = t.arena().take_view(1, x.cols()), row = t.arena().take_view(1, x.cols());
    k.fill(1, ones);
    k.fill(0, row);
    k.axpy_by(y.grad(), ones, row);
    k.add_row(row, x.grad());
  });
  return y;
}

Var log_of(Var scalar) {
  require(scalar.layout() == Layout::partial, "log_of: a partial scalar only");
  Tape& t = *scalar.tape;
  const double total = t.total(scalar);
  Var y = t.output_partial();
  t.kernels().fill(0, y.out());
  const bool holds_first_lane = t.lanes().begin() == 0;
  if (holds_first_lane) {
    t.kernels().fill(static_cast<Real>(std::log(total)), y.out().row_block(0, 1));
  }
  const Real slope = static_cast<Real>(1 / total);
  t.on_backward(y, {scalar}, [=, &t] { t.kernels().axpy(slope, y.grad(), scalar.grad()); });
  return y;
}

}  // namespace chorale

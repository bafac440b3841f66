// Dense layers: a rows value by a replicated weight. Weight gradients are kept lane by lane and
// summed once, at the table, up the tree over lanes.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

Var matmul(Var x, Var w) {
  require(x.has_rows() && w.layout() == Layout::replicated && x.cols() == w.rows(),
          "matmul: rows ({}, {}) by replicated ({}, {})", x.rows(), x.cols(), w.rows(), w.cols());
  Tape& t = *x.tape;
  Var y = t.output_like(x, w.cols());
  t.kernels().gemm(x.value(), w.value(), y.out());
  t.on_backward(y, {x, w}, [=, &t] {
    if (x.wants_grad()) t.kernels().gemm_nt(y.grad(), w.value(), x.grad());  // dx += dy w^T
    t.kernels().grouped_gemm_tn(x.value(), x.lane_offsets(), y.grad(),
                                w.lane_grads());  // dw += x^T dy, lane by lane
  });
  return y;
}

Var add_bias(Var x, Var b) {
  require(x.has_rows() && b.layout() == Layout::replicated && b.rows() == 1 && b.cols() == x.cols(),
          "add_bias: rows ({}, {}) and replicated ({}, {})", x.rows(), x.cols(), b.rows(),
          b.cols());
  Tape& t = *x.tape;
  Var y = t.output_like(x, x.cols());
  t.kernels().copy(x.value(), y.out());
  t.kernels().add_row(b.value(), y.out());
  t.on_backward(y, {x, b}, [=, &t] {
    if (x.wants_grad()) t.kernels().axpy(1, y.grad(), x.grad());
    t.each_lane(x.lane_offsets(), [&](int l, Index first, Index last) {
      t.kernels().column_sums(y.grad().row_block(first, last), b.lane_grads().row_block(l, l + 1));
    });
  });
  return y;
}

}  // namespace chorale

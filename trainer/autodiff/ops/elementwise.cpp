// Functions applied to each element.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

Var leaky_relu(Var x, double slope) {
  require(x.layout() == Layout::rows, "leaky_relu: rows only");
  Tape& t = *x.tape;
  const Real below = static_cast<Real>(slope);
  Var y = t.output_rows(x.part(), x.cols());
  t.kernels().map(Scalar::leaky_relu, below, x.value(), y.out());
  t.on_backward(y, {x}, [=, &t] {
    t.kernels().map_slope(Scalar::leaky_relu, below, x.value(), y.grad(), x.grad());
  });
  return y;
}

Var dropout(Var x, double rate, std::span<const Index> names) {
  require(x.layout() == Layout::rows && static_cast<Index>(names.size()) == x.rows(),
          "dropout: {} rows, {} names", x.rows(), names.size());
  Tape& t = *x.tape;
  if (!t.training() || rate == 0) return x;
  const DropoutMask mask = t.next_mask(rate);
  Var y = t.output_rows(x.part(), x.cols());
  t.kernels().dropout(mask, names.data(), x.value(), y.out());
  t.on_backward(y, {x},
                [=, &t] { t.kernels().dropout_add(mask, names.data(), y.grad(), x.grad()); });
  return y;
}

}  // namespace chorale

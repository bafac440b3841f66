// Functions applied to each element.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

namespace {

Var mapped(const char* op, Scalar f, double parameter, Var x) {
  require(x.has_rows(), "{}: rows only", op);
  Tape& t = *x.tape;
  const Real p = static_cast<Real>(parameter);
  Var y = t.output_like(x, x.cols());
  t.kernels().map(f, p, x.value(), y.out());
  t.on_backward(y, {x}, [=, &t] { t.kernels().map_slope(f, p, x.value(), y.grad(), x.grad()); });
  return y;
}

}  // namespace

Var leaky_relu(Var x, double slope) { return mapped("leaky_relu", Scalar::leaky_relu, slope, x); }

Var log(Var x) { return mapped("log", Scalar::log, 0, x); }

Var exp(Var x) { return mapped("exp", Scalar::exp, 0, x); }

Var dropout(Var x, double rate, std::span<const Index> names) {
  require(x.has_rows() && static_cast<Index>(names.size()) == x.part().local_rows(),
          "dropout: {} names for {} rows", names.size(), x.part().local_rows());
  Tape& t = *x.tape;
  if (!t.training() || rate == 0) return x;
  const DropoutMask mask = t.next_mask(rate);
  const Index* name = t.names_of(x, names);
  Var y = t.output_like(x, x.cols());
  t.kernels().dropout(mask, name, x.value(), y.out());
  t.on_backward(y, {x}, [=, &t] { t.kernels().dropout_add(mask, name, y.grad(), x.grad()); });
  return y;
}

}  // namespace chorale

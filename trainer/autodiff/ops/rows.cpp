// Ops on rows: lookups and normalisation.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

Var gather(Var x, const IdColumn& ids) {
  require(
      x.layout() == Layout::rows && static_cast<Index>(ids.rows.size()) == ids.part.local_rows(),
      "gather: {} ids for {} rows of the column", ids.rows.size(), ids.part.local_rows());
  Tape& t = *x.tape;
  const RowExchange& exchange = t.lookup(ids, x.part());
  Var y = t.output_rows(ids.part, x.cols());
  exchange.pull(t.arena(), x.value(), y.out());
  t.on_backward(y, {x}, [=, &t, &exchange] {
    if (x.leaf() == nullptr) {
      exchange.push_add(t.arena(), y.grad(), x.grad());
      return;
    }
    const View sums = t.arena().take_view(static_cast<Index>(exchange.touched().size()), x.cols());
    exchange.push(t.arena(), y.grad(), sums);
    x.leaf()->gradient().add({exchange.touched(), sums});
  });
  return y;
}

Var select(Var x, const RowSubset& subset) {
  require(x.layout() == Layout::rows && x.part() == subset.whole(),
          "select: x has {} rows, the subset is of {}, or they are dealt differently",
          x.part().rows(), subset.whole().rows());
  Tape& t = *x.tape;
  Var y = t.output_rows(subset.part(), x.cols());
  t.kernels().gather_rows(x.value(), subset.rows(), y.out());
  t.on_backward(y, {x}, [=, &t, &subset] {
    t.kernels().add_segments(y.grad(), subset.segments(), x.grad());
  });
  return y;
}

Var spread(Var x, const RowSubset& subset) {
  require(x.layout() == Layout::rows && x.part() == subset.part(),
          "spread: x has {} rows, the subset {}, or they are dealt differently", x.part().rows(),
          subset.part().rows());
  Tape& t = *x.tape;
  Var y = t.output_rows(subset.whole(), x.cols());
  t.kernels().fill(0, y.out());
  t.kernels().add_segments(x.value(), subset.segments(), y.out());
  t.on_backward(y, {x}, [=, &t, &subset] {
    const View dx = t.arena().take_view(x.rows(), x.cols());
    t.kernels().gather_rows(y.grad(), subset.rows(), dx);
    t.kernels().axpy(1, dx, x.grad());
    t.arena().give_back(dx);
  });
  return y;
}

Var normalize_rows(Var x) {
  require(x.layout() == Layout::rows, "normalize_rows: rows only");
  Tape& t = *x.tape;
  Var y = t.output_rows(x.part(), x.cols());
  const View inverse = t.arena().take_view(x.rows(), 1);
  t.kernels().normalize_rows(x.value(), y.out(), inverse);
  t.on_backward(
      y, {x}, [=, &t] { t.kernels().normalize_rows_grad(y.value(), inverse, y.grad(), x.grad()); });
  return y;
}

}  // namespace chorale

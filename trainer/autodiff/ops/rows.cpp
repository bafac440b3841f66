// Ops on rows: lookups and normalisation.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

Var gather(Var x, const IdColumn& ids, const Partition& batch) {
  require(x.layout() == Layout::rows && static_cast<Index>(ids.rows.size()) == batch.local_rows(),
          "gather: {} ids for {} rows of the batch", ids.rows.size(), batch.local_rows());
  Tape& t = *x.tape;
  const RowExchange& exchange = t.lookup(ids, x.part());
  Var y = t.output_rows(batch, x.cols());
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

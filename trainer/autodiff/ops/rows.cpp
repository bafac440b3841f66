// Ops on rows: lookups, normalisation, products and noise.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {

Var gather(Var x, const IdColumn& ids) {
  require(x.has_rows(), "gather: rows only");
  require(static_cast<Index>(ids.rows.size()) == ids.part.local_rows(),
          "gather: {} ids for {} rows of the column", ids.rows.size(), ids.part.local_rows());
  Tape& t = *x.tape;
  if (const Var* before = t.find_rows(x, ids)) return *before;
  const Table* table = x.leaf();
  const RowExchange& exchange = t.lookup(ids, x);
  Var y = t.output_rows(ids.part, x.cols());
  t.keep_rows(x, ids, y);
  exchange.pull(t.arena(), table == nullptr ? x.value() : table->values(), y.out());
  t.on_backward(y, {x}, [=, &t, &exchange] {
    if (x.leaf() == nullptr) {
      exchange.push_add(t.arena(), y.grad(), x.grad());
      return;
    }
    const View sums = t.arena().take_view(static_cast<Index>(exchange.touched().size()), x.cols());
    exchange.push(t.arena(), y.grad(), sums);
    x.leaf()->gradient().add({exchange.touched(), sums, exchange.host_touched()});
  });
  return y;
}

Var choose(Var x, std::span<const IdColumn* const> gathered) {
  require(x.has_rows(), "choose: rows only");
  Tape& t = *x.tape;
  const ChosenRows* wanted = t.chosen_rows(x.part(), gathered);
  if (wanted == nullptr && x.layout() == Layout::rows) return x;
  if (x.layout() == Layout::chosen) {
    require(wanted == &x.chosen(), "choose: other rows were chosen before");
    return x;
  }
  Var y = t.output_chosen(x.part(), *wanted, x.cols());
  t.kernels().gather_rows(x.value(), wanted->rows, y.out());
  t.on_backward(y, {x}, [=, &t] { t.kernels().axpy_rows(1, y.grad(), wanted->rows, x.grad()); });
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
  require(x.has_rows(), "normalize_rows: rows only");
  Tape& t = *x.tape;
  Var y = t.output_like(x, x.cols());
  const View inverse = t.arena().take_view(x.rows(), 1);
  t.kernels().normalize_rows(x.value(), y.out(), inverse);
  t.on_backward(
      y, {x}, [=, &t] { t.kernels().normalize_rows_grad(y.value(), inverse, y.grad(), x.grad()); });
  return y;
}

Var row_dots(Var x, Var y) {
  require(x.layout() == Layout::rows && y.layout() == Layout::rows && x.rows() == y.rows() &&
              x.cols() == y.cols(),
          "row_dots: ({}, {}) and ({}, {}) must be rows of one shape", x.rows(), x.cols(), y.rows(),
          y.cols());
  Tape& t = *x.tape;
  Var z = t.output_rows(x.part(), 1);
  t.kernels().row_dots(x.value(), y.value(), z.out());
  t.on_backward(z, {x, y}, [=, &t] {
    if (x.wants_grad()) t.kernels().add_scaled_rows(z.grad(), y.value(), x.grad());
    if (y.wants_grad()) t.kernels().add_scaled_rows(z.grad(), x.value(), y.grad());
  });
  return z;
}

Var drop_rows(Var x, double rate, std::span<const Index> names) {
  require(x.layout() == Layout::rows && static_cast<Index>(names.size()) == x.rows(),
          "drop_rows: {} rows, {} names", x.rows(), names.size());
  Tape& t = *x.tape;
  if (!t.training() || rate == 0) return x;
  const DropoutMask mask = t.next_mask(rate);
  Var y = t.output_rows(x.part(), x.cols());
  t.kernels().drop_rows(mask, names.data(), x.value(), y.out());
  t.on_backward(y, {x},
                [=, &t] { t.kernels().drop_rows_add(mask, names.data(), y.grad(), x.grad()); });
  return y;
}

Var add_noise(Var x, double length, std::span<const Index> names) {
  require(x.layout() == Layout::rows && static_cast<Index>(names.size()) == x.rows(),
          "add_noise: {} rows, {} names", x.rows(), names.size());
  Tape& t = *x.tape;
  if (!t.training()) return x;
  const DropoutMask draw = t.next_mask(0);
  const Noise noise{draw.seed, draw.step, draw.op, static_cast<Real>(length)};
  Var y = t.output_rows(x.part(), x.cols());
  t.kernels().add_noise(noise, names.data(), x.value(), y.out());
  t.on_backward(y, {x}, [=, &t] { t.kernels().axpy(1, y.grad(), x.grad()); });
  return y;
}

Var scale_rows_by_norm(Var x, double exponent) {
  require(x.layout() == Layout::rows, "scale_rows_by_norm: rows only");
  Tape& t = *x.tape;
  Var y = t.output_rows(x.part(), x.cols());
  t.kernels().scale_rows_by_norm(static_cast<Real>(exponent), x.value(), y.out());
  t.on_backward(y, {x},
                [] { require(false, "scale_rows_by_norm: for scoring only, it has no adjoint"); });
  return y;
}

}  // namespace chorale

// Sums, scalings, products and concatenation.
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {
namespace {

bool has_terms(Var x) { return x.has_rows() || x.layout() == Layout::partial; }

Var output_like(Var x) {
  Tape& t = *x.tape;
  return x.has_rows() ? t.output_like(x, x.cols()) : t.output_partial();
}

void require_same(const char* op, Var x, Var y) {
  const bool same = x.has_rows() ? x.has_rows_of(y) && x.cols() == y.cols()
                                 : has_terms(x) && x.layout() == y.layout();
  require(same, "{}: ({}, {}) and ({}, {}) differ in shape, layout or rows", op, x.rows(), x.cols(),
          y.rows(), y.cols());
}

}  // namespace

Var operator+(Var x, Var y) {
  require_same("add", x, y);
  Tape& t = *x.tape;
  Var z = output_like(x);
  const ConstView terms[] = {x.value(), y.value()};
  t.kernels().sum_of(1, terms, z.out());
  t.on_backward(z, {x, y}, [=, &t] {
    if (x.wants_grad()) t.kernels().axpy(1, z.grad(), x.grad());
    if (y.wants_grad()) t.kernels().axpy(1, z.grad(), y.grad());
  });
  return z;
}

Var operator*(double a, Var x) {
  require(has_terms(x), "scale: rows and scalars only");
  Tape& t = *x.tape;
  const Real factor = static_cast<Real>(a);
  Var y = output_like(x);
  const ConstView terms[] = {x.value()};
  t.kernels().sum_of(factor, terms, y.out());
  t.on_backward(y, {x}, [=, &t] { t.kernels().axpy(factor, y.grad(), x.grad()); });
  return y;
}

Var multiply(Var x, Var y) {
  require_same("multiply", x, y);
  require(x.has_rows(), "multiply: rows by rows only");
  Tape& t = *x.tape;
  Var z = t.output_like(x, x.cols());
  t.kernels().multiply(x.value(), y.value(), z.out());
  t.on_backward(z, {x, y}, [=, &t] {
    if (x.wants_grad()) t.kernels().multiply_add(y.value(), z.grad(), x.grad());
    if (y.wants_grad()) t.kernels().multiply_add(x.value(), z.grad(), y.grad());
  });
  return z;
}

Var concat(std::span<const Var> xs) {
  require(!xs.empty(), "concat: nothing to concatenate");
  Tape& t = *xs[0].tape;
  Index cols = 0;
  for (const Var& x : xs) {
    require(x.has_rows_of(xs[0]), "concat: values must share their rows");
    cols += x.cols();
  }
  Var y = t.output_like(xs[0], cols);
  Index first = 0;
  for (const Var& x : xs) {
    const Index last = first + x.cols();
    t.kernels().copy(x.value(), y.out().col_block(first, last));
    first = last;
  }
  constexpr std::size_t kMost = 16;
  require(xs.size() <= kMost, "concat: {} values; at most {}", xs.size(), kMost);
  struct Pieces {
    Var x[kMost];
    std::size_t count;
  } pieces{};
  pieces.count = xs.size();
  for (std::size_t i = 0; i < xs.size(); ++i) pieces.x[i] = xs[i];
  t.on_backward(y, xs, [=, &t] {
    Index begin = 0;
    for (std::size_t i = 0; i < pieces.count; ++i) {
      const Var x = pieces.x[i];
      if (x.wants_grad())
        t.kernels().axpy(1, y.grad().col_block(begin, begin + x.cols()), x.grad());
      begin += x.cols();
    }
  });
  return y;
}

}  // namespace chorale

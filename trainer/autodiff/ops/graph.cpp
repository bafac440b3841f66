// Sparse products over partitioned rows. Ghost rows are pulled before each product and given back
// after it.
#include <algorithm>
#include <array>

#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {
namespace {

constexpr std::size_t kMostLayers = 15;
struct Polynomial {
  std::array<Real, kMostLayers + 1> c{};
  std::size_t degree = 0;
};

// z = sum_k c[k] A^k x
void evaluate(Tape& t, const DistCsr& a, const Polynomial& p, ConstView x, View z) {
  const Kernels& k = t.kernels();
  const ConstView first[] = {x};
  k.sum_of(p.c[0], first, z);
  if (p.degree == 0) return;
  View now = t.arena().take_view(x.rows, x.cols);
  View next = p.degree > 1 ? t.arena().take_view(x.rows, x.cols) : View{};
  for (std::size_t layer = 1; layer <= p.degree; ++layer) {
    a.multiply(t.arena(), layer == 1 ? x : ConstView(now), layer == 1 ? now : next);
    if (layer > 1) std::swap(now, next);
    if (p.c[layer] != 0) k.axpy(p.c[layer], now, z);
  }
  t.arena().give_back(now);
  if (next.data != nullptr) t.arena().give_back(next);
}

// dx += sum_k c[k] A^k g, as (((c[K] g) A + c[K-1] g) A + ...) + c[0] g
void evaluate_horner(Tape& t, const DistCsr& a, const Polynomial& p, ConstView g, View dx) {
  const Kernels& k = t.kernels();
  if (p.degree > 0) {
    View h = t.arena().take_view(g.rows, g.cols);
    View next = p.degree > 1 ? t.arena().take_view(g.rows, g.cols) : View{};
    const ConstView last[] = {g};
    k.sum_of(p.c[p.degree], last, h);
    for (std::size_t layer = p.degree - 1; layer > 0; --layer) {
      a.multiply(t.arena(), h, next);
      if (p.c[layer] != 0) k.axpy(p.c[layer], g, next);
      std::swap(h, next);
    }
    a.multiply_add(t.arena(), h, dx);
    t.arena().give_back(h);
    if (next.data != nullptr) t.arena().give_back(next);
  }
  if (p.c[0] != 0) k.axpy(p.c[0], g, dx);
}

}  // namespace

Var spmm(const DistCsr& a, Var x) {
  require(x.layout() == Layout::rows && x.part() == a.column_partition(),
          "spmm: x has {} rows, A {} columns, or they are dealt differently", x.part().rows(),
          a.column_partition().rows());
  Tape& t = *x.tape;
  Var y = t.output_rows(a.row_partition(), x.cols());
  a.multiply(t.arena(), x.value(), y.out());
  t.on_backward(y, {x},
                [=, &t, &a] { a.transposed().multiply_add(t.arena(), y.grad(), x.grad()); });
  return y;
}

Var expand(const CliqueOperator& p, Var x) {
  require(x.layout() == Layout::rows && x.part() == p.partition(),
          "expand: x has {} rows, P {}, or they are dealt differently", x.part().rows(),
          p.partition().rows());
  Tape& t = *x.tape;
  Var y = t.output_rows(p.partition(), x.cols());
  p.multiply(t.arena(), x.value(), y.out());
  t.on_backward(y, {x}, [=, &t, &p] { p.multiply_transposed_add(t.arena(), y.grad(), x.grad()); });
  return y;
}

Var propagate(const DistCsr& a, Var x, std::span<const double> coefficients) {
  require(x.layout() == Layout::rows && x.part() == a.column_partition() &&
              a.row_partition() == a.column_partition(),
          "propagate: x has {} rows and A is ({}, {}), or they are dealt differently",
          x.part().rows(), a.row_partition().rows(), a.column_partition().rows());
  require(!coefficients.empty() && coefficients.size() <= kMostLayers + 1,
          "propagate: {} coefficients; 1 to {}", coefficients.size(), kMostLayers + 1);
  Polynomial p;
  std::ranges::transform(coefficients, p.c.begin(), [](double c) { return static_cast<Real>(c); });
  p.degree = coefficients.size() - 1;
  Tape& t = *x.tape;
  Var y = t.output_rows(a.row_partition(), x.cols());
  evaluate(t, a, p, x.value(), y.out());
  t.on_backward(y, {x}, [=, &t, &a] { evaluate_horner(t, a.transposed(), p, y.grad(), x.grad()); });
  return y;
}

}  // namespace chorale

// Sparse products over partitioned rows. Ghost rows are pulled before each product and given back
// after it.
#include <algorithm>
#include <array>
#include <utility>

#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {
namespace {

constexpr std::size_t kMostLayers = 15;
struct Polynomial {
  std::array<Real, kMostLayers + 1> c{};
  std::size_t degree = 0;
};

SomeRows selection(const ChosenRows* wanted) {
  return wanted != nullptr ? SomeRows(wanted->rows) : SomeRows();
}

// y = a x, or y += a x. x may have more rows than y, which then holds those that are wanted.
void add_term(Tape& t, const ChosenRows* wanted, bool first, Real a, ConstView x, View y) {
  if (a == 0 && !first) return;
  const Kernels& k = t.kernels();
  View some{};
  if (wanted != nullptr) {
    some = t.arena().take_view(y.rows, y.cols);
    k.gather_rows(x, wanted->rows, some);
    x = some;
  }
  if (first) {
    const ConstView only[] = {x};
    k.sum_of(a, only, y);
  } else {
    k.axpy(a, x, y);
  }
  t.arena().give_back(some);
}

// z = sum_k c[k] A^k x, or the wanted rows of it. Two matrices like x are at work besides.
void evaluate(Tape& t, const DistCsr& a, const Polynomial& p, const ChosenRows* wanted, ConstView x,
              View z) {
  add_term(t, wanted, true, p.c[0], x, z);
  if (p.degree == 0) return;
  View now = t.arena().take_view(x.rows, x.cols);
  View next = p.degree > 1 ? t.arena().take_view(x.rows, x.cols) : View{};
  for (std::size_t layer = 1; layer <= p.degree; ++layer) {
    const ConstView from = layer == 1 ? x : ConstView(now);
    const View to = layer == 1 ? now : next;
    if (wanted != nullptr && layer == p.degree) {
      a.multiply_rows(t.arena(), wanted->rows, from, to);
    } else {
      a.multiply(t.arena(), from, to);
    }
    if (layer > 1) std::swap(now, next);
    add_term(t, wanted, false, p.c[layer], now, z);
  }
  t.arena().give_back(now);
  t.arena().give_back(next);
}

// For scoring: some columns after the others, so that layers need little memory beside z. Columns
// do not know of one another: the same bits.
void evaluate_in_panels(Tape& t, const DistCsr& a, const Polynomial& p, ConstView x, View z) {
  constexpr Index kPanel = 32;
  for (Index first = 0; first < x.cols; first += kPanel) {
    const Index last = std::min(x.cols, first + kPanel);
    evaluate(t, a, p, nullptr, x.col_block(first, last), z.col_block(first, last));
  }
}

// y += a g, where g holds the wanted rows of what is added.
void add_at_wanted(const Kernels& k, const ChosenRows* wanted, Real a, ConstView g, View y) {
  if (a == 0) return;
  wanted != nullptr ? k.axpy_rows(a, g, wanted->rows, y) : k.axpy(a, g, y);
}

// The same with x and the layers between stored in bf16; the last layer and z are sums in Real.
void evaluate_bf16(Tape& t, const DistCsr& a, const Polynomial& p, const ChosenRows* wanted,
                   ConstView x, View z) {
  const Kernels& k = t.kernels();
  add_term(t, wanted, true, p.c[0], x, z);
  if (p.degree == 0) return;
  Bf16View now = t.arena().take_bf16(x.rows, x.cols);
  Bf16View next = p.degree > 1 ? t.arena().take_bf16(x.rows, x.cols) : Bf16View{};
  k.to_bf16(1, x, {}, false, now);
  for (std::size_t layer = 1; layer < p.degree; ++layer) {
    a.multiply_bf16(t.arena(), {.x = now, .rounded = next});
    std::swap(now, next);
    if (p.c[layer] != 0) k.axpy_bf16(p.c[layer], now, selection(wanted), z);
  }
  a.multiply_bf16(
      t.arena(),
      {.x = now, .rows = selection(wanted), .y = z, .scale = p.c[p.degree], .add = true});
  t.arena().give_back(now);
  t.arena().give_back(next);
}

// Marks of 1 at the wanted rows, of so many; from the arena.
View marks_of(Tape& t, const ChosenRows& wanted, Index rows) {
  const Kernels& k = t.kernels();
  const auto count = static_cast<Index>(wanted.rows.size());
  const View marks = t.arena().take_view(rows, 1), ones = t.arena().take_view(count, 1);
  k.fill(0, marks);
  k.fill(1, ones);
  k.axpy_rows(1, ones, wanted.rows, marks);
  t.arena().give_back(ones);
  return marks;
}

// y = A h, where h is zero but at the wanted rows.
void first_product(Tape& t, const DistCsr& a, const ChosenRows& wanted, ConstView h, View y) {
  const View marks = marks_of(t, wanted, h.rows);
  a.multiply_marked(t.arena(), marks, h, y);
  t.arena().give_back(marks);
}

// y_i = (A x)_i at the wanted rows i.
void multiply_wanted(Tape& t, const DistCsr& a, const ChosenRows& wanted, ConstView x, View y) {
  const View all = t.arena().take_view(a.row_partition().local_rows(), x.cols);
  a.multiply_rows(t.arena(), wanted.rows, x, all);
  t.kernels().gather_rows(all, wanted.rows, y);
  t.arena().give_back(all);
}

// dx += A^T g, where g is of the wanted rows of A.
void add_wanted_transposed(Tape& t, const DistCsr& a, const ChosenRows& wanted, ConstView g,
                           Var x) {
  const Kernels& k = t.kernels();
  const View h = t.arena().take_view(a.row_partition().local_rows(), g.cols);
  k.fill(0, h);
  k.scatter_rows(g, wanted.rows, h);
  const View sum = t.arena().take_view(x.rows(), x.cols());
  first_product(t, a.transposed(), wanted, h, sum);
  t.arena().give_back(h);
  x.add_grad(sum);
}

// dx += sum_k c[k] A^k g, as (((c[K] g) A + c[K-1] g) A + ...) + c[0] g. Two matrices like x are at
// work, and one of them becomes dx if nothing was added to it before.
void evaluate_horner(Tape& t, const DistCsr& a, const Polynomial& p, const ChosenRows* wanted,
                     ConstView g, Var x) {
  const Kernels& k = t.kernels();
  if (p.degree == 0) return add_at_wanted(k, wanted, p.c[0], g, x.grad());
  View h = t.arena().take_view(x.rows(), x.cols()), next{};
  if (wanted != nullptr) {
    k.fill(0, h);
    k.axpy_rows(p.c[p.degree], g, wanted->rows, h);
  } else {
    const ConstView last[] = {g};
    k.sum_of(p.c[p.degree], last, h);
  }
  for (std::size_t layer = p.degree; layer-- > 0;) {
    if (layer == 0 && x.has_grad()) {
      a.multiply_add(t.arena(), h, x.grad());
      add_at_wanted(k, wanted, p.c[0], g, x.grad());
      break;
    }
    if (next.data == nullptr) next = t.arena().take_view(h.rows, h.cols);
    if (wanted != nullptr && layer == p.degree - 1) {
      first_product(t, a, *wanted, h, next);
    } else {
      a.multiply(t.arena(), h, next);
    }
    add_at_wanted(k, wanted, p.c[layer], g, next);
    std::swap(h, next);
    if (layer > 0) continue;
    x.begin_grad(h);
    h = {};
  }
  t.arena().give_back(h);
  t.arena().give_back(next);
}

// The same with h stored in bf16. Only the wanted rows of the first h are made: others are zeros
// that nobody reads.
void evaluate_horner_bf16(Tape& t, const DistCsr& a, const Polynomial& p, const ChosenRows* wanted,
                          ConstView g, Var x) {
  const Kernels& k = t.kernels();
  if (p.degree == 0) return add_at_wanted(k, wanted, p.c[0], g, x.grad());
  Bf16View h = t.arena().take_bf16(x.rows(), x.cols());
  Bf16View next = p.degree > 1 ? t.arena().take_bf16(x.rows(), x.cols()) : Bf16View{};
  View marks = wanted != nullptr ? marks_of(t, *wanted, x.rows()) : View{};
  k.to_bf16(p.c[p.degree], g, selection(wanted), false, h);
  for (std::size_t layer = p.degree - 1; layer > 0; --layer) {
    a.multiply_bf16(t.arena(), {.x = h, .marks = marks, .rounded = next});
    t.arena().give_back(std::exchange(marks, {}));
    if (p.c[layer] != 0) k.to_bf16(p.c[layer], g, selection(wanted), true, next);
    std::swap(h, next);
  }
  t.arena().give_back(next);
  const bool is_first = !x.has_grad();
  const View dx = is_first ? t.arena().take_view(x.rows(), x.cols()) : x.grad();
  a.multiply_bf16(t.arena(), {.x = h, .marks = marks, .y = dx, .add = !is_first});
  t.arena().give_back(marks);
  t.arena().give_back(h);
  add_at_wanted(k, wanted, p.c[0], g, dx);
  if (is_first) x.begin_grad(dx);
}

}  // namespace

Var spmm(const DistCsr& a, Var x) { return spmm(a, x, {}); }

Var spmm(const DistCsr& a, Var x, std::span<const IdColumn* const> gathered) {
  require(x.layout() == Layout::rows && x.part() == a.column_partition(),
          "spmm: x has {} rows, A {} columns, or they are dealt differently", x.part().rows(),
          a.column_partition().rows());
  Tape& t = *x.tape;
  const ChosenRows* wanted = t.chosen_rows(a.row_partition(), gathered);
  if (wanted == nullptr) {
    Var y = t.output_rows(a.row_partition(), x.cols());
    a.multiply(t.arena(), x.value(), y.out());
    t.on_backward(y, {x},
                  [=, &t, &a] { a.transposed().multiply_add(t.arena(), y.grad(), x.grad()); });
    return y;
  }
  Var y = t.output_chosen(a.row_partition(), *wanted, x.cols());
  multiply_wanted(t, a, *wanted, x.value(), y.out());
  t.on_backward(y, {x}, [=, &t, &a] { add_wanted_transposed(t, a, *wanted, y.grad(), x); });
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
  return propagate(a, x, coefficients, {});
}

Var propagate(const DistCsr& a, Var x, std::span<const double> coefficients,
              std::span<const IdColumn* const> gathered) {
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
  const ChosenRows* wanted = t.chosen_rows(a.row_partition(), gathered);
  Var y = wanted != nullptr ? t.output_chosen(a.row_partition(), *wanted, x.cols())
                            : t.output_rows(a.row_partition(), x.cols());
  const bool bf16 = t.propagates_in_bf16();
  if (bf16) {
    evaluate_bf16(t, a, p, wanted, x.value(), y.out());
  } else if (t.training() || wanted != nullptr) {
    evaluate(t, a, p, wanted, x.value(), y.out());
  } else {
    evaluate_in_panels(t, a, p, x.value(), y.out());
  }
  t.on_backward(y, {x}, [=, &t, &a] {
    (bf16 ? evaluate_horner_bf16 : evaluate_horner)(t, a.transposed(), p, wanted, y.grad(), x);
  });
  return y;
}

}  // namespace chorale

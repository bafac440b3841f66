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

// The rows of the result that are read; all of them if `only` is false.
struct Wanted {
  bool only = false;
  Rows rows;  // local, ascending
};

// Those of the columns, as far as their owner knows: what any rank will gather. Few means that a
// pass over them is worth its while; all ranks must agree on it.
Wanted wanted_rows(Tape& t, const Partition& nodes, std::span<const IdColumn* const> gathered) {
  constexpr Index kFew = 3;  // one row in so many
  Index ids = 0;
  for (const IdColumn* column : gathered) ids += column->size();
  if (ids == 0 || ids * kFew > nodes.rows()) return {};
  std::vector<LocalIndex> rows;
  for (const IdColumn* column : gathered) {
    const auto some = t.lookup(*column, nodes).host_touched();
    rows.insert(rows.end(), some.begin(), some.end());
  }
  std::ranges::sort(rows);
  rows.erase(std::ranges::unique(rows).begin(), rows.end());
  auto* memory = static_cast<LocalIndex*>(t.arena().take(rows.size() * sizeof(LocalIndex)));
  t.device().upload(memory, rows.data(), rows.size() * sizeof(LocalIndex));
  return {true, {memory, rows.size()}};
}

SomeRows selection(const Wanted& wanted) {
  return wanted.only ? SomeRows(wanted.rows) : SomeRows();
}

// y += a x at the wanted rows, and perhaps at others.
void accumulate(const Kernels& k, const Wanted& wanted, Real a, ConstView x, View y) {
  if (a == 0) return;
  wanted.only ? k.axpy_rows(a, x, wanted.rows, y) : k.axpy(a, x, y);
}

// z = sum_k c[k] A^k x
void evaluate(Tape& t, const DistCsr& a, const Polynomial& p, const Wanted& wanted, ConstView x,
              View z) {
  const Kernels& k = t.kernels();
  const ConstView first[] = {x};
  k.sum_of(p.c[0], first, z);
  if (p.degree == 0) return;
  View now = t.arena().take_view(x.rows, x.cols);
  View next = p.degree > 1 ? t.arena().take_view(x.rows, x.cols) : View{};
  for (std::size_t layer = 1; layer <= p.degree; ++layer) {
    const ConstView from = layer == 1 ? x : ConstView(now);
    const View to = layer == 1 ? now : next;
    if (wanted.only && layer == p.degree) {
      a.multiply_rows(t.arena(), wanted.rows, from, to);
    } else {
      a.multiply(t.arena(), from, to);
    }
    if (layer > 1) std::swap(now, next);
    accumulate(k, wanted, p.c[layer], now, z);
  }
  t.arena().give_back(now);
  if (next.data != nullptr) t.arena().give_back(next);
}

// The same with x and the layers between stored in bf16; the last layer and z are sums in Real.
void evaluate_bf16(Tape& t, const DistCsr& a, const Polynomial& p, const Wanted& wanted,
                   ConstView x, View z) {
  const Kernels& k = t.kernels();
  const ConstView first[] = {x};
  k.sum_of(p.c[0], first, z);
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

// Marks of 1 at the wanted rows, of so many; from the arena, or none if all rows are wanted.
View marks_of(Tape& t, const Wanted& wanted, Index rows) {
  if (!wanted.only) return {};
  const Kernels& k = t.kernels();
  const View marks = t.arena().take_view(rows, 1), ones = t.arena().take_view(rows, 1);
  k.fill(0, marks);
  k.fill(1, ones);
  k.axpy_rows(1, ones, wanted.rows, marks);
  t.arena().give_back(ones);
  return marks;
}

// y = A h, where h is zero but at the wanted rows.
void first_product(Tape& t, const DistCsr& a, const Wanted& wanted, ConstView h, View y) {
  if (!wanted.only) return a.multiply(t.arena(), h, y);
  const View marks = marks_of(t, wanted, h.rows);
  a.multiply_marked(t.arena(), marks, h, y);
  t.arena().give_back(marks);
}

// dx += sum_k c[k] A^k g, as (((c[K] g) A + c[K-1] g) A + ...) + c[0] g
void evaluate_horner(Tape& t, const DistCsr& a, const Polynomial& p, const Wanted& wanted,
                     ConstView g, View dx) {
  const Kernels& k = t.kernels();
  if (p.degree > 0) {
    View h = t.arena().take_view(g.rows, g.cols);
    View next = p.degree > 1 ? t.arena().take_view(g.rows, g.cols) : View{};
    const ConstView last[] = {g};
    k.sum_of(p.c[p.degree], last, h);
    for (std::size_t layer = p.degree - 1; layer > 0; --layer) {
      if (layer == p.degree - 1) {
        first_product(t, a, wanted, h, next);
      } else {
        a.multiply(t.arena(), h, next);
      }
      accumulate(k, wanted, p.c[layer], g, next);
      std::swap(h, next);
    }
    a.multiply_add(t.arena(), h, dx);
    t.arena().give_back(h);
    if (next.data != nullptr) t.arena().give_back(next);
  }
  accumulate(k, wanted, p.c[0], g, dx);
}

// The same with h stored in bf16. Only the wanted rows of the first h are made: others are zeros
// that nobody reads.
void evaluate_horner_bf16(Tape& t, const DistCsr& a, const Polynomial& p, const Wanted& wanted,
                          ConstView g, View dx) {
  const Kernels& k = t.kernels();
  if (p.degree > 0) {
    Bf16View h = t.arena().take_bf16(g.rows, g.cols);
    Bf16View next = p.degree > 1 ? t.arena().take_bf16(g.rows, g.cols) : Bf16View{};
    View marks = marks_of(t, wanted, g.rows);
    k.to_bf16(p.c[p.degree], g, selection(wanted), false, h);
    for (std::size_t layer = p.degree; layer > 0; --layer) {
      Bf16Product product{.x = h, .marks = marks};
      if (layer > 1) {
        product.rounded = next;
      } else {
        product.y = dx;
        product.add = true;
      }
      a.multiply_bf16(t.arena(), product);
      t.arena().give_back(std::exchange(marks, {}));
      if (layer == 1) break;
      if (p.c[layer - 1] != 0) k.to_bf16(p.c[layer - 1], g, selection(wanted), true, next);
      std::swap(h, next);
    }
    t.arena().give_back(h);
    t.arena().give_back(next);
  }
  accumulate(k, wanted, p.c[0], g, dx);
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
  Var y = t.output_rows(a.row_partition(), x.cols());
  const Wanted wanted = wanted_rows(t, a.row_partition(), gathered);
  const bool bf16 = t.propagates_in_bf16();
  (bf16 ? evaluate_bf16 : evaluate)(t, a, p, wanted, x.value(), y.out());
  t.on_backward(y, {x}, [=, &t, &a] {
    (bf16 ? evaluate_horner_bf16 : evaluate_horner)(t, a.transposed(), p, wanted, y.grad(),
                                                    x.grad());
  });
  return y;
}

}  // namespace chorale

// Sums over all pairs of rows. The adjoints compute the pairs again instead of keeping them; what
// every rank must know of the others' rows (vectors, upstream gradients, names) is gathered.
#include <vector>

#include "comm/typed.h"
#include "kernels/check.h"
#include "trainer/autodiff/ops.h"

namespace chorale {
namespace {

using Names = std::span<const Index>;

// All ranks' names in device memory of the step. Collective.
const Index* all_names(Tape& t, Var x, Names mine) {
  require(static_cast<Index>(mine.size()) == x.rows(), "contrast: {} names for {} rows",
          mine.size(), x.rows());
  const std::vector<Index> all = gather_all<Index>(t.comm().host(), mine);
  const auto bytes = static_cast<std::size_t>(x.part().rows()) * sizeof(Index);
  auto* names = static_cast<Index*>(t.arena().take(bytes));
  t.device().upload(names, all.data(), all.size() * sizeof(Index));
  return names;
}

Pairs named_pairs(Var a, Names a_names, Var b, Names b_names, double scale) {
  Pairs p{.scale = static_cast<Real>(scale)};
  p.a_names = all_names(*a.tape, a, a_names);
  p.b_names = all_names(*b.tape, b, b_names);
  return p;
}

void require_rows(const char* op, Var a, Var b) {
  require(a.layout() == Layout::rows && b.layout() == Layout::rows && a.cols() == b.cols(),
          "{}: ({}, {}) and ({}, {}) must be rows of one width", op, a.rows(), a.cols(), b.rows(),
          b.cols());
}

// Gives the gradients of y_i = sum_j e_ij to a and b, where dy is this rank's part. A row of both
// operands that are one value receives first what it gets as a row of a.
void add_pair_gradients(Tape& t, const Pairs& p, Var a, Var b, ConstView dy) {
  const Kernels& k = t.kernels();
  const ConstView g = t.all_rows(a.part(), dy);
  const bool is_same = a.id == b.id;
  const View da = a.wants_grad() ? a.grad() : View{};
  View db = b.wants_grad() ? b.grad() : View{};
  if (is_same && b.wants_grad()) {
    db = t.arena().take_view(b.rows(), b.cols());
    k.fill(0, db);
  }
  k.exp_sums_grad(p, t.all_rows(a), t.all_rows(b), g, a.part().first(), da, b.part().first(), db);
  if (is_same && b.wants_grad()) {
    k.axpy(1, db, da);
    t.arena().give_back(db);
  }
}

Var exp_sums_of(const Pairs& p, Var a, Var b) {
  Tape& t = *a.tape;
  Var y = t.output_rows(a.part(), 1);
  t.kernels().fill(0, y.out());
  t.kernels().exp_sums(p, t.all_rows(a), t.all_rows(b), a.part().first(), y.out());
  t.on_backward(y, {a, b}, [=, &t] { add_pair_gradients(t, p, a, b, y.grad()); });
  return y;
}

// With the sum known, d y_i / d s_ij = exp(s_ij - y_i): the pairs of exp_sums with y as the shifts.
Var log_exp_sums_of(Pairs p, Var a, Var b) {
  Tape& t = *a.tape;
  const Kernels& k = t.kernels();
  const ConstView all_a = t.all_rows(a), all_b = t.all_rows(b);
  const Index first = a.part().first();
  const View largest = t.arena().take_view(a.rows(), 1), sums = t.arena().take_view(a.rows(), 1);
  k.max_products(p, all_a, all_b, first, largest);
  p.shifts = t.all_rows(a.part(), largest);
  k.fill(0, sums);
  k.exp_sums(p, all_a, all_b, first, sums);
  Var y = t.output_rows(a.part(), 1);
  k.map(Scalar::log, 0, sums, y.out());
  k.axpy(1, largest, y.out());
  t.on_backward(y, {a, b}, [=, &t] {
    Pairs softmax = p;
    softmax.shifts = t.all_rows(y);
    add_pair_gradients(t, softmax, a, b, y.grad());
  });
  return y;
}

}  // namespace

Var exp_sums(Var a, Var b, double scale, double shift) {
  require_rows("exp_sums", a, b);
  return exp_sums_of({.scale = static_cast<Real>(scale), .shift = static_cast<Real>(shift)}, a, b);
}

Var exp_sums(Var a, Names a_names, Var b, Names b_names, double scale, double shift) {
  require_rows("exp_sums", a, b);
  Pairs p = named_pairs(a, a_names, b, b_names, scale);
  p.shift = static_cast<Real>(shift);
  return exp_sums_of(p, a, b);
}

Var exp_self_sums(Var a, double scale, double shift) {
  require_rows("exp_self_sums", a, a);
  Tape& t = *a.tape;
  const Pairs p{.scale = static_cast<Real>(scale), .shift = static_cast<Real>(shift)};
  Var y = t.output_rows(a.part(), 1);
  t.kernels().fill(0, y.out());
  t.kernels().exp_self_sums(p, t.all_rows(a), a.part().first(), y.out());
  t.on_backward(y, {a}, [=, &t] {
    const ConstView g = t.all_rows(a.part(), y.grad());
    t.kernels().exp_self_sums_grad(p, t.all_rows(a), g, a.part().first(), a.grad());
  });
  return y;
}

Var log_exp_sums(Var a, Var b, double scale) {
  require_rows("log_exp_sums", a, b);
  return log_exp_sums_of({.scale = static_cast<Real>(scale)}, a, b);
}

Var log_exp_sums(Var a, Names a_names, Var b, Names b_names, double scale) {
  require_rows("log_exp_sums", a, b);
  return log_exp_sums_of(named_pairs(a, a_names, b, b_names, scale), a, b);
}

}  // namespace chorale

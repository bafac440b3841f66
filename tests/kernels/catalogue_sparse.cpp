// See catalogue_sparse.h.
#include "tests/kernels/catalogue_sparse.h"

#include "kernels/bf16.h"

namespace chorale::test {

// Every third row of n, last first.
Rows every_third(Scene& s) {
  std::vector<LocalIndex> rows;
  for (Index i = s.n - 1; i >= 0; i -= 3) rows.push_back(static_cast<LocalIndex>(i));
  const std::size_t count = rows.size();
  return {s.keep(std::move(rows)), count};
}

void spmm_by(const Kernels& k, Scene& s,
             void (Kernels::*product)(const CsrView&, ConstView, ConstView, View) const) {
  const Index n_ghost = s.n / 3, n_own = s.n - n_ghost;
  const CsrView with_ghosts = s.sparse(n_own, n_ghost);
  (k.*product)(with_ghosts, s.in(n_own, s.d), s.in(n_ghost, s.d), s.out(s.n, s.d));
  CsrView without = s.sparse(s.n, 0);
  without.long_rows = {};
  (k.*product)(without, s.in(s.n, s.d), {}, s.out(s.n, s.d));
}

void spmm_rows(const Kernels& k, Scene& s) {
  const Index n_ghost = s.n / 3, n_own = s.n - n_ghost;
  const CsrView a = s.sparse(n_own, n_ghost);
  k.spmm_rows(a, every_third(s), s.in(n_own, s.d), s.in(n_ghost, s.d), s.out(s.n, s.d));
}

// Rows without a mark hold what must not be read.
void spmm_marked(const Kernels& k, Scene& s) {
  const Index n_ghost = s.n / 3, n_own = s.n - n_ghost;
  const CsrView a = s.sparse(n_own, n_ghost);
  const auto marked = [&](Index rows, View& marks) {
    const View x = s.state(rows, s.d);
    marks = s.state(rows, 1);
    for (Index i = 0; i < rows; ++i) {
      marks(i, 0) = i % 3 == 0 ? Real(1) : Real(0);
      for (Index j = 0; j < s.d && i % 3 != 0; ++j) x(i, j) = Real(1e30);
    }
    return x;
  };
  View marks, ghost_marks;
  const View x = marked(n_own, marks), ghost = marked(n_ghost, ghost_marks);
  k.spmm_marked(a, marks, ghost_marks, x, ghost, s.out(s.n, s.d));
}

// All forms: to Real with a factor, added, rounded; all rows and some; marked, where rows without a
// mark hold what must not be read.
void spmm_bf16(const Kernels& k, Scene& s) {
  const Index n_ghost = s.n / 3, n_own = s.n - n_ghost;
  const CsrView a = s.sparse(n_own, n_ghost);
  CsrView without = s.sparse(s.n, 0);
  without.long_rows = {};
  const ConstBf16View x = s.in_bf16(n_own, s.d), ghost = s.in_bf16(n_ghost, s.d);
  k.spmm_bf16(a, {.x = x, .ghost = ghost, .y = s.out(s.n, s.d), .scale = Real(0.5)});
  k.spmm_bf16(a, {.x = x, .ghost = ghost, .rounded = s.out_bf16(s.n, s.d)});
  k.spmm_bf16(without,
              {.x = s.in_bf16(s.n, s.d), .y = s.out(s.n, s.d), .scale = Real(0.25), .add = true});
  const Rows some = every_third(s);
  const auto count = static_cast<Index>(some.size());
  k.spmm_bf16(a, {.x = x, .ghost = ghost, .rows = some, .y = s.out(count, s.d), .add = true});
  k.spmm_bf16(a, {.x = x, .ghost = ghost, .rows = Rows(), .y = s.out(0, s.d)});
  const auto marked = [&](Index rows, View& marks) {
    const Bf16View y = s.out_bf16(rows, s.d);
    marks = s.state(rows, 1);
    for (Index i = 0; i < rows; ++i) {
      marks(i, 0) = i % 3 == 0 ? Real(1) : Real(0);
      for (Index j = 0; j < s.d && i % 3 != 0; ++j) y.row(i)[j] = round_to_bf16(Real(1e30));
    }
    return y;
  };
  View marks, ghost_marks;
  const ConstBf16View few_own = marked(n_own, marks), few_ghost = marked(n_ghost, ghost_marks);
  k.spmm_bf16(a, {.x = few_own,
                  .ghost = few_ghost,
                  .marks = marks,
                  .ghost_marks = ghost_marks,
                  .rounded = s.out_bf16(s.n, s.d)});
}

void to_bf16(const Kernels& k, Scene& s) {
  const Rows some = every_third(s);
  const auto count = static_cast<Index>(some.size());
  k.to_bf16(Real(0.75), s.in(s.n, s.d), {}, false, s.out_bf16(s.n, s.d));
  k.to_bf16(Real(0.75), s.in(count, s.d), some, true, s.out_bf16(s.n, s.d));
}

void axpy_bf16(const Kernels& k, Scene& s) {
  const ConstBf16View x = s.in_bf16(s.n, s.d);
  k.axpy_bf16(Real(0.5), x, {}, s.out(s.n, s.d));
  const Rows some = every_third(s);
  k.axpy_bf16(Real(0.5), x, some, s.out(static_cast<Index>(some.size()), s.d));
}

}  // namespace chorale::test

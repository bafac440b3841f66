// Vector code: sparse times dense. A block of columns of an output row stays in registers while its
// entries are summed in CSR order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_sparse.cpp"
#include <algorithm>
#include <cstdint>
#include <vector>

#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
namespace chorale::simd::HWY_NAMESPACE {

// Where column c of the matrix finds its row of the operand.
struct OwnRows {
  const Real* x;
  Index stride;
  HWY_INLINE const Real* row(Index c) const { return x + c * stride; }
};

// Which entries are ghosts is not predictable, so addresses are computed without a branch: for a
// ghost, `shift` bytes are added to the address and `stride_change` to the stride.
struct OwnAndGhostRows {
  std::uintptr_t x, stride, stride_change, shift;
  Index n_own;

  HWY_INLINE OwnAndGhostRows(ConstView own, ConstView ghost, Index n)
      : x(reinterpret_cast<std::uintptr_t>(own.data)),
        stride(static_cast<std::uintptr_t>(own.stride) * sizeof(Real)),
        stride_change(static_cast<std::uintptr_t>(ghost.stride) * sizeof(Real) - stride),
        shift(reinterpret_cast<std::uintptr_t>(ghost.data) - x -
              static_cast<std::uintptr_t>(n) * (stride + stride_change)),
        n_own(n) {}

  HWY_INLINE const Real* row(Index c) const {
    const std::uintptr_t mask =
        ~static_cast<std::uintptr_t>((c - n_own) >> 63);  // all ones: a ghost
    const std::uintptr_t step = stride + (mask & stride_change);
    return reinterpret_cast<const Real*>(x + (mask & shift) +
                                         static_cast<std::uintptr_t>(c) * step);
  }
};

template <int kCount, class At>
HWY_INLINE void store_sums(At at, const Vec (&sum)[kCount], Real* to, bool add) {
  const Index step = lanes_of_tag();
  for (int v = 0; v < kCount; ++v) {
    at.store(add ? hn::Add(at.load(to + v * step), sum[v]) : sum[v], to + v * step);
  }
}

// What is summed into one output row.
struct Entries {
  const LocalIndex* columns;
  const Real* values;
  Index count;
};

HWY_INLINE Entries entries_of(const CsrView& a, Index i) {
  const Index begin = a.row_begin[i];
  return {a.columns + begin, a.values + begin, a.row_begin[i + 1] - begin};
}

// kCount vectors of columns from column j on.
template <int kCount, class Operand, class At>
HWY_INLINE void row_block(const Entries& entries, const Operand& operand, At at, Index j, Real* to,
                          bool add) {
  const Tag d;
  const Index step = lanes_of_tag();
  Vec sum[kCount];
  for (int v = 0; v < kCount; ++v) sum[v] = hn::Zero(d);
  for (Index e = 0; e < entries.count; ++e) {
    const Real* from = operand.row(entries.columns[e]) + j;
    const Vec value = hn::Set(d, entries.values[e]);
    for (int v = 0; v < kCount; ++v) sum[v] = hn::MulAdd(value, at.load(from + v * step), sum[v]);
  }
  store_sums<kCount>(at, sum, to + j, add);
}

template <class Operand>
HWY_INLINE void sum_row(const Entries& entries, const Operand& operand, Real* to, Index cols,
                        bool add) {
  const Index step = lanes_of_tag();
  const Whole<Tag> whole;
  Index j = 0;
  for (; j + 8 * step <= cols; j += 8 * step) row_block<8>(entries, operand, whole, j, to, add);
  for (; j + 4 * step <= cols; j += 4 * step) row_block<4>(entries, operand, whole, j, to, add);
  for (; j + 2 * step <= cols; j += 2 * step) row_block<2>(entries, operand, whole, j, to, add);
  for (; j + step <= cols; j += step) row_block<1>(entries, operand, whole, j, to, add);
  if (j < cols) {
    const Part<Tag> part{hn::FirstN(Tag(), static_cast<std::size_t>(cols - j))};
    row_block<1>(entries, operand, part, j, to, add);
  }
}

// visit(the operand as something that knows its rows)
template <class Visit>
HWY_INLINE void with_operand(const CsrView& a, ConstView x, ConstView ghost, const Visit& visit) {
  if (a.n_ghost == 0) {
    visit(OwnRows{x.data, x.stride});
  } else {
    visit(OwnAndGhostRows(x, ghost, a.n_own));
  }
}

void spmm_impl(const CsrView& a, ConstView x, ConstView ghost, View y, bool add, Index first,
               Index last) {
  with_operand(a, x, ghost, [&](const auto& operand) {
    for (Index i = first; i < last; ++i) {
      sum_row(entries_of(a, i), operand, y.row(i), y.cols, add);
    }
  });
}

void spmm_rows_impl(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y) {
  with_operand(a, x, ghost, [&](const auto& operand) {
    for (const Index i : rows) sum_row(entries_of(a, i), operand, y.row(i), y.cols, false);
  });
}

// Entries of marked columns are brought together first: which are marked is not predictable, so
// every entry is written and the next one may overwrite it.
void spmm_marked_impl(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                      ConstView ghost, View y, Index first, Index last) {
  std::vector<LocalIndex> columns;
  std::vector<Real> values;
  const auto marked_entries = [&](Index i, const auto& marks_of) {
    const Entries all = entries_of(a, i);
    if (static_cast<std::size_t>(all.count) > columns.size()) {
      columns.resize(static_cast<std::size_t>(all.count));
      values.resize(static_cast<std::size_t>(all.count));
    }
    Index count = 0;
    for (Index e = 0; e < all.count; ++e) {
      columns[static_cast<std::size_t>(count)] = all.columns[e];
      values[static_cast<std::size_t>(count)] = all.values[e];
      count += *marks_of.row(all.columns[e]) != 0;
    }
    return Entries{columns.data(), values.data(), count};
  };
  with_operand(a, marks, ghost_marks, [&](const auto& marks_of) {
    with_operand(a, x, ghost, [&](const auto& operand) {
      for (Index i = first; i < last; ++i) {
        sum_row(marked_entries(i, marks_of), operand, y.row(i), y.cols, false);
      }
    });
  });
}

}  // namespace chorale::simd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace chorale::simd {

HWY_EXPORT(spmm_impl);
HWY_EXPORT(spmm_rows_impl);
HWY_EXPORT(spmm_marked_impl);

void spmm(const CsrView& a, ConstView x, ConstView ghost, View y, bool add, Index first,
          Index last) {
  HWY_DYNAMIC_DISPATCH(spmm_impl)(a, x, ghost, y, add, first, last);
}

void spmm_rows(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y) {
  HWY_DYNAMIC_DISPATCH(spmm_rows_impl)(a, rows, x, ghost, y);
}

void spmm_marked(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                 ConstView ghost, View y, Index first, Index last) {
  HWY_DYNAMIC_DISPATCH(spmm_marked_impl)(a, marks, ghost_marks, x, ghost, y, first, last);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE

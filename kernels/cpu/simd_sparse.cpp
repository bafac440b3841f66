// Vector code: sparse times dense. A block of columns of an output row stays in registers while its
// entries are summed in CSR order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/simd_sparse.cpp"
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // compiles this file once per instruction set
#include "hwy/highway.h"
#include "kernels/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
#include "kernels/cpu/simd_columns.inl"
// behind simd_columns.inl, on which it stands
#include "kernels/cpu/simd_bf16.inl"
namespace chorale::simd::HWY_NAMESPACE {

// Where column c of the matrix finds its row of the operand, which is of Real or of Bf16.
template <class T>
struct OwnRows {
  const T* x;
  Index stride;
  HWY_INLINE const T* row(Index c) const { return x + c * stride; }
};

// Which entries are ghosts is not predictable, so addresses are computed without a branch: for a
// ghost, `shift` bytes are added to the address and `stride_change` to the stride.
template <class T>
struct OwnAndGhostRows {
  std::uintptr_t x, stride, stride_change, shift;
  Index n_own;

  template <class Matrix>
  HWY_INLINE OwnAndGhostRows(const Matrix& own, const Matrix& ghost, Index n)
      : x(reinterpret_cast<std::uintptr_t>(own.data)),
        stride(static_cast<std::uintptr_t>(own.stride) * sizeof(T)),
        stride_change(static_cast<std::uintptr_t>(ghost.stride) * sizeof(T) - stride),
        shift(reinterpret_cast<std::uintptr_t>(ghost.data) - x -
              static_cast<std::uintptr_t>(n) * (stride + stride_change)),
        n_own(n) {}

  HWY_INLINE const T* row(Index c) const {
    const std::uintptr_t mask =
        ~static_cast<std::uintptr_t>((c - n_own) >> 63);  // all ones: a ghost
    const std::uintptr_t step = stride + (mask & stride_change);
    return reinterpret_cast<const T*>(x + (mask & shift) + static_cast<std::uintptr_t>(c) * step);
  }
};

// What becomes of a row's sums: y = s or y += s.
struct ToRow {
  Real* y;
  bool add;
  template <class At>
  HWY_INLINE void put(At at, Vec sum, Index j) const {
    at.store(add ? hn::Add(at.load(y + j), sum) : sum, y + j);
  }
};

// Those of a Bf16Product.
struct ToProduct {
  const Bf16Product& p;
  Index row;
  template <class At>
  HWY_INLINE void put(At at, Vec sum, Index j) const {
    if (p.rounded.data != nullptr) return store(at, sum, p.rounded.row(row) + j);
    Real* y = p.y.row(row) + j;
    const Vec scale = hn::Set(Tag(), p.scale);
    at.store(p.add ? hn::MulAdd(scale, sum, at.load(y)) : hn::Mul(scale, sum), y);
  }
};

// What is summed into one output row.
struct Entries {
  const LocalIndex* columns;
  const Real* values;
  Index count;
  Index known;  // of columns: those of the rows summed next may stand behind
};

// Row i of a, whose rows are summed one after another, or which stands alone.
HWY_INLINE Entries entries_of(const CsrView& a, Index i, bool alone = false) {
  const Index begin = a.row_begin[i];
  return {a.columns + begin, a.values + begin, a.row_begin[i + 1] - begin,
          a.row_begin[alone ? i + 1 : a.rows] - begin};
}

// Sends for the columns from j on of a row that is summed a little later, so many bytes. Which rows
// come is not predictable, and a machine looks ahead no further than about one row of the result.
template <class Operand>
HWY_INLINE void fetch_ahead(const Entries& entries, Index e, const Operand& operand, Index j,
                            std::size_t bytes) {
  constexpr Index kAhead = 16;
  constexpr std::size_t kLine = 64;
  if (e + kAhead >= entries.known) return;
  const auto* from = reinterpret_cast<const char*>(operand.row(entries.columns[e + kAhead]) + j);
  for (std::size_t at = 0; at < bytes; at += kLine) hwy::Prefetch(from + at);
}

// kCount vectors of columns from column j on.
template <int kCount, class Operand, class At, class Target>
HWY_INLINE void row_block(const Entries& entries, const Operand& operand, At at, Index j,
                          const Target& target) {
  const Tag d;
  const Index step = lanes_of_tag();
  Vec sum[kCount];
  for (int v = 0; v < kCount; ++v) sum[v] = hn::Zero(d);
  for (Index e = 0; e < entries.count; ++e) {
    fetch_ahead(entries, e, operand, j, kCount * sizeof(Real) * hn::Lanes(d));
    const auto* from = operand.row(entries.columns[e]) + j;
    const Vec value = hn::Set(d, entries.values[e]);
    for (int v = 0; v < kCount; ++v) sum[v] = hn::MulAdd(value, load(at, from + v * step), sum[v]);
  }
  for (int v = 0; v < kCount; ++v) target.put(at, sum[v], j + v * step);
}

// 2 kPairs vectors of columns of an operand in bf16. A word of two neighbours becomes two numbers
// by a shift and by a mask, which is cheaper than widening one by one; the sums change places once.
template <int kPairs, class Operand, class Target>
HWY_INLINE void pair_block(const Entries& entries, const Operand& operand, Index j,
                           const Target& target) {
  const Tag d;
  const WordTag words;
  const Index step = lanes_of_tag();
  const auto high = hn::Set(words, 0xffff0000u);
  Vec even[kPairs], odd[kPairs];
  for (int v = 0; v < kPairs; ++v) even[v] = odd[v] = hn::Zero(d);
  for (Index e = 0; e < entries.count; ++e) {
    fetch_ahead(entries, e, operand, j, 2 * kPairs * sizeof(Bf16) * hn::Lanes(d));
    const auto* from = reinterpret_cast<const std::uint32_t*>(operand.row(entries.columns[e]) + j);
    const Vec value = hn::Set(d, entries.values[e]);
    for (int v = 0; v < kPairs; ++v) {
      const auto both = hn::LoadU(words, from + v * step);
      even[v] = hn::MulAdd(value, of_bits(hn::ShiftLeft<16>(both)), even[v]);
      odd[v] = hn::MulAdd(value, of_bits(hn::And(both, high)), odd[v]);
    }
  }
  HWY_ALIGN Real in_order[2 * hn::MaxLanes(d)];
  for (int v = 0; v < kPairs; ++v) {
    hn::StoreInterleaved2(even[v], odd[v], d, in_order);
    const Whole<Tag> whole;
    target.put(whole, hn::Load(d, in_order), j + 2 * v * step);
    target.put(whole, hn::Load(d, in_order + step), j + (2 * v + 1) * step);
  }
}

template <class Operand, class Target>
HWY_INLINE void sum_row(const Entries& entries, const Operand& operand, Index cols,
                        const Target& target) {
  const Index step = lanes_of_tag();
  const Whole<Tag> whole;
  Index j = 0;
  using T = std::remove_cvref_t<decltype(*operand.row(0))>;
  if constexpr (std::is_same_v<T, Bf16>) {
    for (; j + 8 * step <= cols; j += 8 * step) pair_block<4>(entries, operand, j, target);
    for (; j + 4 * step <= cols; j += 4 * step) pair_block<2>(entries, operand, j, target);
    for (; j + 2 * step <= cols; j += 2 * step) pair_block<1>(entries, operand, j, target);
  }
  for (; j + 8 * step <= cols; j += 8 * step) row_block<8>(entries, operand, whole, j, target);
  for (; j + 4 * step <= cols; j += 4 * step) row_block<4>(entries, operand, whole, j, target);
  for (; j + 2 * step <= cols; j += 2 * step) row_block<2>(entries, operand, whole, j, target);
  for (; j + step <= cols; j += step) row_block<1>(entries, operand, whole, j, target);
  if (j < cols) {
    const Part<Tag> part{hn::FirstN(Tag(), static_cast<std::size_t>(cols - j))};
    row_block<1>(entries, operand, part, j, target);
  }
}

// visit(the operand as something that knows its rows)
template <class Matrix, class Visit>
HWY_INLINE void with_operand(const CsrView& a, const Matrix& x, const Matrix& ghost,
                             const Visit& visit) {
  using T = std::remove_cvref_t<decltype(*x.data)>;
  if (a.n_ghost == 0) {
    visit(OwnRows<T>{x.data, x.stride});
  } else {
    visit(OwnAndGhostRows<T>(x, ghost, a.n_own));
  }
}

void spmm_impl(const CsrView& a, ConstView x, ConstView ghost, View y, bool add, Index first,
               Index last) {
  with_operand(a, x, ghost, [&](const auto& operand) {
    for (Index i = first; i < last; ++i) {
      sum_row(entries_of(a, i), operand, y.cols, ToRow{y.row(i), add});
    }
  });
}

void spmm_rows_impl(const CsrView& a, Rows rows, ConstView x, ConstView ghost, View y) {
  with_operand(a, x, ghost, [&](const auto& operand) {
    for (const Index i : rows) {
      sum_row(entries_of(a, i, true), operand, y.cols, ToRow{y.row(i), false});
    }
  });
}

// Entries of marked columns, brought together: which are marked is not predictable, so every entry
// is written and the next one may overwrite it.
class MarkedEntries {
 public:
  // Valid until the next call.
  template <class Marks>
  HWY_INLINE Entries of(const Entries& all, const Marks& marks) {
    if (static_cast<std::size_t>(all.count) > columns_.size()) {
      columns_.resize(static_cast<std::size_t>(all.count));
      values_.resize(static_cast<std::size_t>(all.count));
    }
    Index count = 0;
    for (Index e = 0; e < all.count; ++e) {
      columns_[static_cast<std::size_t>(count)] = all.columns[e];
      values_[static_cast<std::size_t>(count)] = all.values[e];
      count += *marks.row(all.columns[e]) != 0;
    }
    return {columns_.data(), values_.data(), count, count};
  }

 private:
  std::vector<LocalIndex> columns_;
  std::vector<Real> values_;
};

void spmm_marked_impl(const CsrView& a, ConstView marks, ConstView ghost_marks, ConstView x,
                      ConstView ghost, View y, Index first, Index last) {
  MarkedEntries marked;
  with_operand(a, marks, ghost_marks, [&](const auto& marks_of) {
    with_operand(a, x, ghost, [&](const auto& operand) {
      for (Index i = first; i < last; ++i) {
        sum_row(marked.of(entries_of(a, i), marks_of), operand, y.cols, ToRow{y.row(i), false});
      }
    });
  });
}

void spmm_bf16_impl(const CsrView& a, const Bf16Product& p, Index first, Index last) {
  const auto row_at = [&](Index place) -> Index {
    return p.rows ? (*p.rows)[static_cast<std::size_t>(place)] : place;
  };
  with_operand(a, p.x, p.ghost, [&](const auto& operand) {
    if (p.marks.data == nullptr) {
      for (Index i = first; i < last; ++i) {
        sum_row(entries_of(a, row_at(i), p.rows.has_value()), operand, p.x.cols, ToProduct{p, i});
      }
      return;
    }
    MarkedEntries marked;
    with_operand(a, p.marks, p.ghost_marks, [&](const auto& marks_of) {
      for (Index i = first; i < last; ++i) {
        sum_row(marked.of(entries_of(a, row_at(i)), marks_of), operand, p.x.cols, ToProduct{p, i});
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
HWY_EXPORT(spmm_bf16_impl);

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

void spmm_bf16(const CsrView& a, const Bf16Product& p, Index first, Index last) {
  HWY_DYNAMIC_DISPATCH(spmm_bf16_impl)(a, p, first, last);
}

}  // namespace chorale::simd
#endif  // HWY_ONCE

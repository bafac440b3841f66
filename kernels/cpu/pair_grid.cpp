#include "kernels/cpu/pair_grid.h"

#include <algorithm>
#include <numbers>

#include "kernels/cpu/simd.h"

namespace chorale {
PairGrid::PairGrid(ThreadPool& pool, const Pairs& pairs, ConstView a, ConstView b, Scores scores)
    : pool_(pool), a_(a), b_(b), right_(padded(b.rows) * b.cols) {
  const Real unit = scores == Scores::exponents ? std::numbers::log2e_v<Real> : Real(1);
  pool.parallel_for(col_blocks(), 1, [&](Index f, Index l) {
    for (Index j = f; j < l; ++j) {
      const RowSpan rows = col_block(j);
      simd::pack_transposed_block(b.row_block(rows.first, rows.last), pairs.scale * unit,
                                  right_.data() + rows.first * b.cols);
    }
  });
  if (pairs.shifts.data != nullptr) {
    shifts_ = column(pairs.shifts, unit);
  } else {
    shifts_ = LineArray<Real>(a.rows);
    std::fill_n(shifts_.data(), a.rows, pairs.shift * unit);
  }
  if (pairs.a_names != nullptr) {
    row_names_ = NameColumn(pairs.a_names, a.rows);
    col_names_ = NameColumn(pairs.b_names, b.rows);
  }
}

PairCell PairGrid::cell(RowSpan rows, Index j) const {
  const RowSpan cols = col_block(j);
  return {.rows = rows.size(),
          .cols = cols.size(),
          .depth = a_.cols,
          .left = a_.row(rows.first),
          .stride = a_.stride,
          .right = right_.data() + cols.first * b_.cols,
          .shifts = shifts_.data() + rows.first,
          .row_names = row_names_.from(rows.first),
          .col_names = col_names_.from(cols.first)};
}

LineArray<Real> PairGrid::column(ConstView x, Real factor) {
  LineArray<Real> list(padded(x.rows));
  for (Index i = 0; i < x.rows; ++i) list.data()[i] = factor * x(i, 0);
  return list;
}

PairGrid::NameColumn::NameColumn(const Index* names, Index n) : low(padded(n)), high(padded(n)) {
  for (Index i = 0; i < n; ++i) {
    const auto name = static_cast<std::uint64_t>(names[i]);
    low.data()[i] = static_cast<std::uint32_t>(name);
    high.data()[i] = static_cast<std::uint32_t>(name >> 32);
  }
}

PairGrid::Packed::Packed(ThreadPool& pool, ConstView x)
    : size_((x.cols + simd::kWidestTile - 1) / simd::kWidestTile * simd::kWidestTile * kCellBlock),
      data_(blocks(x.rows) * size_) {
  pool.parallel_for(blocks(x.rows), 1, [&](Index f, Index l) {
    for (Index i = f; i < l; ++i) {
      const RowSpan rows = PairGrid::block(i, x.rows);
      simd::pack_block(x.row_block(rows.first, rows.last), data_.data() + i * size_);
    }
  });
}

}  // namespace chorale

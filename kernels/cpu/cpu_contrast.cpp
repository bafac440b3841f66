// The CPU backend's sums over pairs of rows: which cells are computed, and where their results go.
#include <algorithm>
#include <limits>

#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/pair_grid.h"
#include "kernels/cpu/simd.h"

namespace chorale {
namespace {

// The rows of a whole that an output holds.
struct Own {
  Index first;
  View rows;

  RowSpan of(RowSpan block) const { return common(block, {first, first + rows.rows}); }
  View at(RowSpan span) const { return rows.row_block(span.first - first, span.last - first); }
  void add(RowSpan span, const Real* sums) const {
    const View to = at(span);
    for (Index i = 0; i < to.rows; ++i) to(i, 0) += sums[i];
  }
};

// give(cell, rows) for pieces of own rows of a against every block of b, in ascending order of b.
template <class Give>
void each_row_cell(ThreadPool& pool, const PairGrid& grid, const Own& own, Give give) {
  constexpr Index kGrain = 8;
  pool.parallel_for(own.rows.rows, kGrain, [&](Index f, Index l) {
    const RowSpan part{own.first + f, own.first + l};
    for (Index i = part.first / kCellBlock; i * kCellBlock < part.last; ++i) {
      const RowSpan rows = common(grid.row_block(i), part);
      for (Index j = 0; j < grid.col_blocks(); ++j) give(grid.cell(rows, j), rows);
    }
  });
}

// Both sides of the gradient: da += W b and db += W^T a, cell by cell. Of a value against itself
// da and db are one output, and a cell on the diagonal gives to its rows only.
struct PairGradients {
  const PairGrid& grid;
  const Real* row_factors;
  const Real* col_factors;  // null: none
  const PairGrid::Packed& a;
  const PairGrid::Packed& b;
  Own da, db;
  bool is_symmetric;

  RowSpan cols_of(Index i, Index j) const {
    return is_symmetric && i == j ? RowSpan{} : db.of(grid.col_block(j));
  }

  void add() const {
    const auto wanted = [&](Index i, Index j) {
      return !da.of(grid.row_block(i)).is_empty() || !cols_of(i, j).is_empty();
    };
    grid.each_cell(is_symmetric, wanted, [&](Index i, Index j) { add_cell(i, j); });
  }

  void add_cell(Index i, Index j) const {
    alignas(64) Real w[kCellBlock * kWeightStride];
    const RowSpan own_rows = da.of(grid.row_block(i)), own_cols = cols_of(i, j);
    const RowSpan rows = own_cols.is_empty() ? own_rows : grid.row_block(i);
    PairCell cell = grid.cell(rows, j);
    if (is_symmetric && i == j) cell.diagonal = rows.first - i * kCellBlock;
    const Real* cols = col_factors == nullptr ? nullptr : col_factors + j * kCellBlock;
    simd::weights(cell, row_factors + rows.first, cols, w);
    if (!own_rows.is_empty()) {
      simd::add_block_product(w + (own_rows.first - rows.first) * kWeightStride, kWeightStride, 1,
                              cell.cols, b.block(j), da.at(own_rows));
    }
    if (!own_cols.is_empty()) {
      simd::add_block_product(w + (own_cols.first - j * kCellBlock), 1, kWeightStride, cell.rows,
                              a.block(i), db.at(own_cols));
    }
  }
};

}  // namespace

void CpuKernels::exp_sums(const Pairs& pairs, ConstView a, ConstView b, Index first, View y) const {
  const PairGrid grid(*pool_, pairs, a, b, PairGrid::Scores::exponents);
  const Own own{first, y};
  each_row_cell(*pool_, grid, own, [&](const PairCell& cell, RowSpan rows) {
    Real sums[kCellBlock];
    simd::exp_sums(cell, sums, nullptr);
    own.add(rows, sums);
  });
}

void CpuKernels::max_products(const Pairs& pairs, ConstView a, ConstView b, Index first,
                              View y) const {
  const PairGrid grid(*pool_, pairs, a, b, PairGrid::Scores::products);
  const Own own{first, y};
  fill(-std::numeric_limits<Real>::infinity(), y);
  each_row_cell(*pool_, grid, own, [&](const PairCell& cell, RowSpan rows) {
    Real maxima[kCellBlock];
    simd::max_products(cell, maxima);
    const View to = own.at(rows);
    for (Index i = 0; i < to.rows; ++i) to(i, 0) = std::max(to(i, 0), maxima[i]);
  });
}

void CpuKernels::exp_sums_grad(const Pairs& pairs, ConstView a, ConstView b, ConstView g,
                               Index a_first, View da, Index b_first, View db) const {
  const PairGrid grid(*pool_, pairs, a, b, PairGrid::Scores::exponents);
  const LineArray<Real> factors = PairGrid::column(g, pairs.scale);
  const PairGrid::Packed packed_a(*pool_, a), packed_b(*pool_, b);
  PairGradients{grid,     factors.data(), nullptr,       packed_a,
                packed_b, {a_first, da},  {b_first, db}, false}
      .add();
}

void CpuKernels::exp_self_sums(const Pairs& pairs, ConstView a, Index first, View y) const {
  const PairGrid grid(*pool_, pairs, a, a, PairGrid::Scores::exponents);
  const Own own{first, y};
  const auto wanted = [&](Index i, Index j) {
    return !own.of(grid.row_block(i)).is_empty() || !own.of(grid.col_block(j)).is_empty();
  };
  grid.each_cell(true, wanted, [&](Index i, Index j) {
    Real row_sums[kCellBlock], col_sums[kCellBlock];
    const RowSpan own_rows = own.of(grid.row_block(i));
    const RowSpan own_cols = i == j ? RowSpan{} : own.of(grid.col_block(j));
    const RowSpan rows = own_cols.is_empty() ? own_rows : grid.row_block(i);
    PairCell cell = grid.cell(rows, j);
    if (i == j) cell.diagonal = rows.first - i * kCellBlock;
    simd::exp_sums(cell, row_sums, own_cols.is_empty() ? nullptr : col_sums);
    if (!own_rows.is_empty()) own.add(own_rows, row_sums + (own_rows.first - rows.first));
    if (!own_cols.is_empty()) own.add(own_cols, col_sums + (own_cols.first - j * kCellBlock));
  });
}

void CpuKernels::exp_self_sums_grad(const Pairs& pairs, ConstView a, ConstView g, Index first,
                                    View da) const {
  const PairGrid grid(*pool_, pairs, a, a, PairGrid::Scores::exponents);
  const LineArray<Real> factors = PairGrid::column(g, pairs.scale);
  const PairGrid::Packed packed(*pool_, a);
  PairGradients{grid,   factors.data(), factors.data(), packed,
                packed, {first, da},    {first, da},    true}
      .add();
}

}  // namespace chorale

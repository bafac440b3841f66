// Two operands of contrast, cut into cells and packed for them (pair_cell.h).
//
// Order of summation: contributions reach a row in ascending order of the other block. Cells (I, J)
// of one anti-diagonal I + J touch different rows and different columns, so each_cell deals them to
// threads, one anti-diagonal after the other, which keeps that order: row block I receives from J,
// then from J + 1; column block J from I, then from I + 1. Of a value against itself only I <= J
// are visited: block B receives from I < B at I + B, from itself at 2 B, from J > B at B + J.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/cpu/pair_cell.h"
#include "kernels/cpu/thread_pool.h"
#include "kernels/kernels.h"

namespace chorale {

// Rows [first, last).
struct RowSpan {
  Index first = 0, last = 0;

  Index size() const { return last - first; }
  bool is_empty() const { return last <= first; }
};

inline RowSpan common(RowSpan x, RowSpan y) {
  return {std::max(x.first, y.first), std::min(x.last, y.last)};
}

// Numbers in whole cache lines, zero where nothing was written.
template <class T>
class LineArray {
 public:
  LineArray() = default;
  explicit LineArray(Index n) : lines_(static_cast<std::size_t>((n + kPerLine - 1) / kPerLine)) {}

  bool is_empty() const { return lines_.empty(); }
  T* data() { return lines_.empty() ? nullptr : lines_.front().of; }
  const T* data() const { return lines_.empty() ? nullptr : lines_.front().of; }

 private:
  static constexpr Index kPerLine = 64 / sizeof(T);
  struct alignas(64) Line {
    T of[kPerLine];
  };
  std::vector<Line> lines_;
};

class PairGrid {
 public:
  // What the packed scores of a cell stand for: exponents are multiplied by log2 e.
  enum class Scores { exponents, products };

  // `pairs`, a and b must outlive the grid. a and b may be one view.
  PairGrid(ThreadPool& pool, const Pairs& pairs, ConstView a, ConstView b, Scores scores);

  Index row_blocks() const { return blocks(a_.rows); }
  Index col_blocks() const { return blocks(b_.rows); }
  RowSpan row_block(Index i) const { return block(i, a_.rows); }
  RowSpan col_block(Index j) const { return block(j, b_.rows); }

  // Rows of one block of a against block j of b.
  PairCell cell(RowSpan rows, Index j) const;

  // body(i, j) for the cells that are wanted, on the threads of the pool, in the order above.
  template <class Wanted, class Body>
  void each_cell(bool is_symmetric, Wanted wanted, Body body) const {
    std::vector<Index> rows;
    rows.reserve(static_cast<std::size_t>(row_blocks()));
    for (Index sum = 0; sum + 1 < row_blocks() + col_blocks(); ++sum) {
      rows.clear();
      const Index last = is_symmetric ? sum / 2 : std::min(sum, row_blocks() - 1);
      for (Index i = std::max<Index>(0, sum - col_blocks() + 1); i <= last; ++i) {
        if (wanted(i, sum - i)) rows.push_back(i);
      }
      pool_.parallel_for(static_cast<Index>(rows.size()), 1, [&](Index f, Index l) {
        for (Index at = f; at < l; ++at) {
          const Index i = rows[static_cast<std::size_t>(at)];
          body(i, sum - i);
        }
      });
    }
  }

  // x:(n,1) times a factor, with room for whole blocks: what cells read beyond the last row is
  // zero.
  static LineArray<Real> column(ConstView x, Real factor);

  // All rows as right operands of add_block_product, block by block.
  class Packed {
   public:
    Packed(ThreadPool& pool, ConstView x);
    const Real* block(Index i) const { return data_.data() + i * size_; }

   private:
    Index size_;  // of a block, in elements
    LineArray<Real> data_;
  };

 private:
  static Index blocks(Index rows) { return (rows + kCellBlock - 1) / kCellBlock; }
  static Index padded(Index rows) { return blocks(rows) * kCellBlock; }
  static RowSpan block(Index i, Index rows) {
    return {i * kCellBlock, std::min(rows, (i + 1) * kCellBlock)};
  }
  struct NameColumn {
    LineArray<NameBits> low, high;
    NameColumn() = default;
    NameColumn(const Index* names, Index n);
    NameList from(Index i) const {
      return low.is_empty() ? NameList{} : NameList{low.data() + i, high.data() + i};
    }
  };

  ThreadPool& pool_;
  ConstView a_, b_;
  LineArray<Real> right_, shifts_;
  NameColumn row_names_, col_names_;
};

}  // namespace chorale

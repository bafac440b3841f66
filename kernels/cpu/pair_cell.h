// The unit of work of contrast on a CPU: a cell, one block of rows of a against one block of rows
// of b. Blocks are cut by global row number, every kCellBlock rows.
//
// Invariant: what a cell gives to a row or to a column depends on the cell alone, not on who asks
// or on which other rows and columns are asked for. Sums over columns use sixteen partial sums
// (column modulo sixteen) and a fixed tree; sums over rows are taken in ascending row order.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/view.h"

namespace chorale {

constexpr Index kCellBlock = 128;
// Of a cell's weights: nine (float) or eighteen cache lines, so that a column's elements do not
// fall into few sets of the cache.
constexpr Index kWeightStride = kCellBlock + 16;

// A name is compared as two numbers of the width of a Real: its low and its high 32 bits.
using NameBits = std::conditional_t<sizeof(Real) == 4, std::uint32_t, std::uint64_t>;
struct NameList {
  const NameBits* low = nullptr;  // null: no names
  const NameBits* high = nullptr;
};

struct PairCell {
  Index rows = 0, cols = 0;      // at most kCellBlock
  Index depth = 0;               // columns of a and of b
  const Real* left = nullptr;    // rows of a
  Index stride = 0;              // of left
  const Real* right = nullptr;   // rows of b times a factor, by simd::pack_transposed_block
  const Real* shifts = nullptr;  // one a row, in units of log 2; unused by max_products
  NameList row_names, col_names;
  Index diagonal = -1;  // not negative: the pairs (r, r + diagonal) are left out
};

}  // namespace chorale

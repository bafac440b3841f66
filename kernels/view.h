// The vocabulary of every floor: numbers, and matrices that somebody else owns.
//
// A view never owns memory. All matrices are row-major with a row stride, so a block of rows or of
// columns of a view is a view. Unless a comment says "host", the memory behind a view belongs to
// the device.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace chorale {

using Real = CHORALE_REAL;        // float in what ships, double in the build that checks gradients
using Index = std::int64_t;       // a row of a whole matrix, a count, a position in a file
using LocalIndex = std::int32_t;  // a row that one rank holds

struct ConstView;

// x:(rows, cols), row i at data + i * stride.
struct View {
  Real* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  constexpr View() = default;
  constexpr View(Real* d, Index r, Index c) : data(d), rows(r), cols(c), stride(c) {}
  constexpr View(Real* d, Index r, Index c, Index s) : data(d), rows(r), cols(c), stride(s) {}

  constexpr Real* row(Index i) const { return data + i * stride; }
  constexpr Real& operator()(Index i, Index j) const { return data[i * stride + j]; }
  constexpr Index size() const { return rows * cols; }
  constexpr bool is_contiguous() const { return stride == cols || rows <= 1; }
  constexpr View row_block(Index first, Index last) const {
    return {row(first), last - first, cols, stride};
  }
  constexpr View col_block(Index first, Index last) const {
    return {data + first, rows, last - first, stride};
  }
};

struct ConstView {
  const Real* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  constexpr ConstView() = default;
  constexpr ConstView(const Real* d, Index r, Index c) : data(d), rows(r), cols(c), stride(c) {}
  constexpr ConstView(const Real* d, Index r, Index c, Index s)
      : data(d), rows(r), cols(c), stride(s) {}
  constexpr ConstView(const View& v)  // NOLINT: reading what one may write needs no ceremony
      : data(v.data), rows(v.rows), cols(v.cols), stride(v.stride) {}

  constexpr const Real* row(Index i) const { return data + i * stride; }
  constexpr const Real& operator()(Index i, Index j) const { return data[i * stride + j]; }
  constexpr Index size() const { return rows * cols; }
  constexpr bool is_contiguous() const { return stride == cols || rows <= 1; }
  constexpr ConstView row_block(Index first, Index last) const {
    return {row(first), last - first, cols, stride};
  }
  constexpr ConstView col_block(Index first, Index last) const {
    return {data + first, rows, last - first, stride};
  }
};

// A number in bf16, the upper half of a float. kernels/bf16.h rounds to it.
struct Bf16 {
  std::uint16_t bits;
};

// x:(rows, cols) in bf16, as a View is of Real.
struct Bf16View {
  Bf16* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  constexpr Bf16* row(Index i) const { return data + i * stride; }
  constexpr Index size() const { return rows * cols; }
};

struct ConstBf16View {
  const Bf16* data = nullptr;
  Index rows = 0;
  Index cols = 0;
  Index stride = 0;

  constexpr ConstBf16View() = default;
  constexpr ConstBf16View(const Bf16* d, Index r, Index c, Index s)
      : data(d), rows(r), cols(c), stride(s) {}
  constexpr ConstBf16View(const Bf16View& v)  // NOLINT: as of ConstView
      : data(v.data), rows(v.rows), cols(v.cols), stride(v.stride) {}

  constexpr const Bf16* row(Index i) const { return data + i * stride; }
  constexpr Index size() const { return rows * cols; }
};

// A list of local rows, in device memory.
using Rows = std::span<const LocalIndex>;

// The rows that are listed, each once; or all.
using SomeRows = std::optional<Rows>;

// The rows of a sparse matrix that hold more than kChunk entries, cut into chunks of kChunk, the
// last of a row shorter, so that many threads may share a row. Says nothing that row_begin does not
// say: a matrix without it gives the same bits, more slowly on a GPU. Made by kernels/long_rows.h.
//   rows of 3, 300 and 128 entries: row 1 is cut into the entries [3, 131), [131, 259), [259, 303)
struct LongRows {
  static constexpr Index kChunk = 128;
  Index rows = 0;
  Index chunks = 0;
  const Index* row = nullptr;    // (rows): which row of the matrix, ascending
  const Index* begin = nullptr;  // (rows + 1): chunks [begin[s], begin[s+1]) are row row[s]
  const Index* ends = nullptr;   // (chunks, 2): chunk c is entries [ends[2c], ends[2c+1])
};

// A sparse matrix whose rows this rank owns. Row i holds entries row_begin[i] .. row_begin[i+1].
// A column c < n_own is row c of this rank's part of the operand; c >= n_own is row c - n_own of
// its ghosts (rows fetched from other ranks). Within a row the entries stand in ascending *global*
// column, and they are summed in an order that depends on their number alone: that is why the sum
// does not depend on who owns what.
struct CsrView {
  Index rows = 0;
  Index n_own = 0;
  Index n_ghost = 0;
  const Index* row_begin = nullptr;     // (rows + 1)
  const LocalIndex* columns = nullptr;  // (row_begin[rows])
  const Real* values = nullptr;         // (row_begin[rows])
  Index entries = 0;                    // row_begin[rows], for the host, which cannot look there
  LongRows long_rows = {};              // or none
};

// Which entries are to be summed into which row: row rows[s] receives y[order[j]] for j in
// [begin[s], begin[s+1]), in that order. The rows are distinct, so segments may run in parallel.
struct Segments {
  Rows rows;                          // (s)
  const Index* begin = nullptr;       // (s + 1)
  const LocalIndex* order = nullptr;  // (begin[s])
  Index entries = 0;                  // begin[s], for the host
};

// Pairs of rows: row first[e] of one matrix and row second[e] of another; what is computed for pair
// e goes to row place[e]. Places are distinct.
struct RowPairs {
  Rows first, second, place;  // (pairs) each
};

// Boundaries of groups of rows, ascending from 0 to the number of rows; host memory. Group g is
// rows [begin[g], begin[g+1]); it may be empty.
using Groups = std::span<const Index>;

// Boundaries of this rank's lanes within its local rows, ascending from 0 to the number of rows;
// host memory. Lane l of the span is rows [lanes[l], lanes[l+1]).
using LaneOffsets = std::span<const Index>;

}  // namespace chorale

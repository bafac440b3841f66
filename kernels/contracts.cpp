#include "kernels/contracts.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/check.h"
#include "kernels/long_rows.h"

namespace chorale {
namespace {

template <class Matrix>
bool overlap(const Matrix& x, const Matrix& y) {
  if (x.size() == 0 || y.size() == 0) return false;
  const auto end_of = [](const Matrix& m) { return m.row(m.rows - 1) + m.cols; };
  const std::less<> before;
  if (!before(x.data, end_of(y)) || !before(y.data, end_of(x))) return false;
  if (x.stride != y.stride || x.stride <= 0) return true;
  // Blocks of columns of one matrix interleave without touching.
  const Index distance = ((y.data - x.data) % x.stride + x.stride) % x.stride;
  return distance < x.cols || distance + y.cols > x.stride;
}

}  // namespace

template <class Matrix>
void Contract::shape_of(std::string_view name, const Matrix& x, Index rows, Index cols) const {
  require(x.rows == rows && x.cols == cols, "{}: {} is ({}, {}), expected ({}, {})", kernel_, name,
          x.rows, x.cols, rows, cols);
  require(x.stride >= x.cols || x.rows <= 1, "{}: {} has stride {}, expected at least {} columns",
          kernel_, name, x.stride, x.cols);
  require(x.data != nullptr || x.size() == 0, "{}: {} has no memory", kernel_, name);
}

void Contract::shape(std::string_view name, ConstView x, Index rows, Index cols) const {
  shape_of(name, x, rows, cols);
}

void Contract::shape(std::string_view name, ConstBf16View x, Index rows, Index cols) const {
  shape_of(name, x, rows, cols);
}

void Contract::equal(std::string_view what, Index found, Index expected) const {
  require(found == expected, "{}: {} is {}, expected {}", kernel_, what, found, expected);
}

void Contract::between(std::string_view what, Index found, Index least, Index end) const {
  require(found >= least && found < end, "{}: {} is {}, expected [{}, {})", kernel_, what, found,
          least, end);
}

void Contract::apart(std::string_view name, ConstView output, ConstView input) const {
  require(!overlap(output, input), "{}: output {} overlaps another argument", kernel_, name);
}

void Contract::apart(std::string_view name, ConstBf16View output, ConstBf16View input) const {
  require(!overlap(output, input), "{}: output {} overlaps another argument", kernel_, name);
}

void Contract::row_list(std::string_view name, Rows rows, Index end, bool distinct) const {
  for (const LocalIndex r : rows) between(name, r, 0, end);
  if (!distinct) return;
  std::vector<LocalIndex> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  require(twice == sorted.end(), "{}: {} holds a row twice", kernel_, name);
}

void Contract::lanes(LaneOffsets lanes, Index rows) const {
  require(!lanes.empty() && lanes.front() == 0 && lanes.back() == rows,
          "{}: lanes do not run from 0 to {} rows", kernel_, rows);
  require(std::is_sorted(lanes.begin(), lanes.end()), "{}: lanes are not ascending", kernel_);
}

void Contract::groups(Groups begin, Index rows, Index matrices) const {
  equal("the number of groups", static_cast<Index>(begin.size()) - 1, matrices);
  require(begin.front() == 0 && begin.back() == rows && std::is_sorted(begin.begin(), begin.end()),
          "{}: groups do not ascend from 0 to {} rows", kernel_, rows);
}

void Contract::pairs(const RowPairs& pairs, ConstView x, ConstView z, ConstView y) const {
  equal("the number of first rows", static_cast<Index>(pairs.first.size()),
        static_cast<Index>(pairs.place.size()));
  equal("the number of second rows", static_cast<Index>(pairs.second.size()),
        static_cast<Index>(pairs.place.size()));
  row_list("a first row", pairs.first, x.rows, false);
  row_list("a second row", pairs.second, z.rows, false);
  row_list("a place", pairs.place, y.rows, true);
}

void Contract::csr(const CsrView& a, ConstView x, ConstView ghost, Index cols) const {
  shape("x", x, a.n_own, cols);
  if (a.n_ghost > 0) shape("ghost", ghost, a.n_ghost, cols);
  csr(a);
}

void Contract::csr(const CsrView& a) const {
  if (a.rows > 0) equal("the number of entries of the matrix", a.entries, a.row_begin[a.rows]);
  for (Index i = 0; i < a.rows; ++i) {
    require(a.row_begin[i] >= 0 && a.row_begin[i] <= a.row_begin[i + 1],
            "{}: row_begin is not ascending at row {}", kernel_, i);
    for (Index e = a.row_begin[i]; e < a.row_begin[i + 1]; ++e) {
      between("a column of the matrix", a.columns[e], 0, a.n_own + a.n_ghost);
    }
  }
  const LongRows& found = a.long_rows;
  if (found.rows == 0) return;
  const LongRowList expected = cut_long_rows({a.row_begin, static_cast<std::size_t>(a.rows) + 1});
  const LongRows its = expected.at(expected.list.data());
  require(found.rows == its.rows && found.chunks == its.chunks &&
              std::equal(its.row, its.row + its.rows, found.row) &&
              std::equal(its.begin, its.begin + its.rows + 1, found.begin) &&
              std::equal(its.ends, its.ends + 2 * its.chunks, found.ends),
          "{}: the long rows are not those of the matrix", kernel_);
}

void Contract::segments(const Segments& s, Index rows, Index destination_rows) const {
  row_list("a segment's row", s.rows, destination_rows, true);
  if (!s.rows.empty()) equal("the number of entries", s.entries, s.begin[s.rows.size()]);
  for (std::size_t i = 0; i < s.rows.size(); ++i) {
    require(s.begin[i] >= 0 && s.begin[i] <= s.begin[i + 1], "{}: segment {} ends before it begins",
            kernel_, i);
    for (Index e = s.begin[i]; e < s.begin[i + 1]; ++e) {
      between("an entry of order", s.order[e], 0, rows);
    }
  }
}

void Contract::rate(std::string_view what, Real found) const {
  require(found >= 0 && found < 1, "{}: {} is {}, expected [0, 1)", kernel_, what, found);
}

void Contract::finite(std::string_view name, ConstView output) const {
  for (Index i = 0; i < output.rows; ++i) {
    for (Index j = 0; j < output.cols; ++j) {
      require_user(std::isfinite(output(i, j)), Exit::non_finite,
                   "lower the learning rate, or look at what the kernel before it made",
                   "{}: {}({}, {}) is {}", kernel_, name, i, j, output(i, j));
    }
  }
}

void Contract::finite(std::string_view name, ConstBf16View output) const {
  for (Index i = 0; i < output.rows; ++i) {
    for (Index j = 0; j < output.cols; ++j) {
      const Real x = widen(output.row(i)[j]);
      require_user(std::isfinite(x), Exit::non_finite,
                   "lower the learning rate, or look at what the kernel before it made",
                   "{}: {}({}, {}) is {}", kernel_, name, i, j, x);
    }
  }
}

void Contract::top_k(const TopK& best, Index users) const {
  equal("the number of users of the lists", best.users, users);
  require(best.k >= 0, "{}: k is {}", kernel_, best.k);
  for (Index i = 0; i < best.users * best.k; ++i) {
    require_user(!std::isnan(best.scores[i]), Exit::non_finite,
                 "lower the learning rate, or look at what made the vectors", "{}: a score is NaN",
                 kernel_);
  }
}

void Contract::masked(const Masked& masked, Index users, Index items) const {
  for (Index i = 0; i < users; ++i) {
    for (Index e = masked.begin[i]; e < masked.begin[i + 1]; ++e) {
      between("a masked item", masked.items[e], 0, items);
      require(e == masked.begin[i] || masked.items[e - 1] < masked.items[e],
              "{}: the masked items of user {} are not ascending", kernel_, i);
    }
  }
}

}  // namespace chorale

#include "kernels/long_rows.h"

#include <algorithm>

namespace chorale {

LongRows LongRowList::at(const Index* memory) const {
  if (rows == 0) return {};
  return {.rows = rows,
          .chunks = chunks,
          .row = memory,
          .begin = memory + rows,
          .ends = memory + 2 * rows + 1};
}

LongRowList cut_long_rows(std::span<const Index> row_begin) {
  std::vector<Index> row, begin{0}, ends;
  for (std::size_t i = 0; i + 1 < row_begin.size(); ++i) {
    const Index last = row_begin[i + 1];
    if (last - row_begin[i] <= LongRows::kChunk) continue;
    row.push_back(static_cast<Index>(i));
    for (Index first = row_begin[i]; first < last; first += LongRows::kChunk) {
      ends.insert(ends.end(), {first, std::min(first + LongRows::kChunk, last)});
    }
    begin.push_back(static_cast<Index>(ends.size() / 2));
  }
  LongRowList found{static_cast<Index>(row.size()), begin.back(), std::move(row)};
  if (found.rows == 0) return found;
  found.list.insert(found.list.end(), begin.begin(), begin.end());
  found.list.insert(found.list.end(), ends.begin(), ends.end());
  return found;
}

}  // namespace chorale

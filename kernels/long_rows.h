// Finds the long rows of a sparse matrix and cuts them into chunks. See LongRows in view.h.
#pragma once

#include <span>
#include <vector>

#include "kernels/view.h"

namespace chorale {

// What LongRows points at, in one list of the host.
struct LongRowList {
  Index rows = 0;
  Index chunks = 0;
  std::vector<Index> list;

  // The view of a copy of `list` that stands at `memory`.
  LongRows at(const Index* memory) const;
};

LongRowList cut_long_rows(std::span<const Index> row_begin);

}  // namespace chorale

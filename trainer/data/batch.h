// A batch: named columns of node rows, dealt over ranks by lanes like everything else.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "graph/partition.h"
#include "kernels/check.h"

namespace chorale {

// Global rows of the node matrix, one for each of this rank's samples.
struct IdColumn {
  std::vector<Index> rows;
};

// Triples for pairwise losses. `size` is the number of samples over all ranks.
struct Batch {
  Partition part;  // of the samples
  IdColumn user, positive, negative;

  Index size() const { return part.rows(); }
  const IdColumn& operator[](std::string_view column) const {
    if (column == "user") return user;
    if (column == "positive") return positive;
    require(column == "negative", "batch: there is no column \"{}\"", column);
    return negative;
  }
};

}  // namespace chorale

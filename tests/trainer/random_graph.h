// A random matrix and random batches, the same on any number of ranks.
#pragma once

#include <vector>

#include "graph/dist_csr.h"
#include "kernels/random.h"
#include "trainer/data/batch.h"

namespace chorale::test {

inline constexpr Index kNodes = 211, kColumns = 5, kBatch = 13;
inline constexpr int kLanes = 8;

inline std::uint64_t draw(std::uint64_t step, Index index, Index below) {
  return random_below(random_bits({Purpose::test, 11}, step, static_cast<std::uint64_t>(index)),
                      static_cast<std::uint64_t>(below));
}

// About six entries a row, not symmetric.
inline std::vector<Triplet> entries(const Partition& nodes) {
  std::vector<Triplet> all;
  for (Index e = 0; e < 6 * kNodes; ++e) {
    const auto row = static_cast<Index>(draw(1, e, kNodes));
    const auto column = static_cast<Index>(draw(2, e, kNodes));
    const Real value = static_cast<Real>(draw(3, e, 100)) / 300;
    if (nodes.owns(row)) all.push_back({row, column, value});
  }
  return all;
}

inline IdColumn ids(const Lanes& lanes, std::uint64_t name) {
  IdColumn column{Partition::uniform(kBatch, lanes), {}};
  for (Index i = column.part.first(); i < column.part.last(); ++i) {
    column.rows.push_back(static_cast<Index>(draw(name, i, kNodes)));
  }
  return column;
}

}  // namespace chorale::test

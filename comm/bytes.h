// Small helpers on packed byte buffers, shared by the communicators.
#pragma once

#include <cstring>
#include <numeric>
#include <vector>

#include "comm/communicator.h"

namespace chorale {

// Like memmove, but an empty span may have no address. Copies as many bytes as `from` has.
inline void copy_bytes(Bytes from, MutableBytes to) {
  if (!from.empty()) std::memmove(to.data(), from.data(), from.size());
}

inline Index total_of(Counts counts) {
  return std::accumulate(counts.begin(), counts.end(), Index{0});
}

// Where each rank's part of a packed buffer begins; one more entry than ranks.
inline std::vector<Index> offsets_of(Counts counts) {
  std::vector<Index> offsets(counts.size() + 1, 0);
  std::partial_sum(counts.begin(), counts.end(), offsets.begin() + 1);
  return offsets;
}

}  // namespace chorale

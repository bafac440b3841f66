// Small helpers on packed byte buffers, shared by the communicators.
#pragma once

#include <cstring>
#include <numeric>
#include <vector>

#include "comm/communicator.h"
#include "kernels/check.h"

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

// A packed buffer of `bytes` holds a part for each of so many ranks. `what`: "all_to_all sends".
inline void require_packed(const char* what, std::size_t bytes, Counts counts, int ranks) {
  require(static_cast<int>(counts.size()) == ranks && total_of(counts) == static_cast<Index>(bytes),
          "{} {} bytes, but its {} counts add up to {}", what, bytes, counts.size(),
          total_of(counts));
}

// The part of a packed buffer that begins at `offset`.
template <class Span>
Span part(Span buffer, Index offset, Index bytes) {
  return buffer.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
}

}  // namespace chorale

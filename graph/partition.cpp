#include "graph/partition.h"

#include <algorithm>

#include "kernels/check.h"

namespace chorale {

Partition::Partition(const Lanes& lanes, std::vector<Index> boundaries)
    : lanes_(lanes), boundaries_(std::move(boundaries)) {
  require(boundaries_.size() == static_cast<std::size_t>(lanes.count) + 1 &&
              boundaries_.front() == 0 && std::is_sorted(boundaries_.begin(), boundaries_.end()),
          "partition: {} lanes need {} ascending boundaries from 0", lanes.count, lanes.count + 1);
  local_offsets_.clear();
  for (int l = lanes.begin(); l <= lanes.end(); ++l) {
    local_offsets_.push_back(lane_begin(l) - first());
  }
}

Partition Partition::uniform(Index rows, const Lanes& lanes) {
  std::vector<Index> boundaries(static_cast<std::size_t>(lanes.count) + 1);
  for (int l = 0; l <= lanes.count; ++l) {
    boundaries[static_cast<std::size_t>(l)] = rows * l / lanes.count;
  }
  return Partition(lanes, std::move(boundaries));
}

int Partition::owner(Index row) const {
  int low = 0;
  int high = lanes_.ranks;
  while (high - low > 1) {  // first(low) <= row, and row < first(high) or high is past the end
    const int middle = low + (high - low) / 2;
    (first(middle) <= row ? low : high) = middle;
  }
  return low;
}

int Partition::lane_of(Index row) const {
  const auto after = std::upper_bound(boundaries_.begin(), boundaries_.end(), row);
  return static_cast<int>(after - boundaries_.begin()) - 1;
}

}  // namespace chorale
